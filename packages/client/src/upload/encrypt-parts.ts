import {
  type ContentLayout,
  type CryptoEngine,
  createContentEncryptor,
  MIN_PART_SIZE,
  partBlobRange,
  partPlaintextRange,
  SEGMENT_LENGTH,
  SEGMENT_PLAINTEXT,
} from '@strongroom/crypto'
import { bufferPool } from '../content/buffers.ts'
import { ClientError } from '../errors.ts'
import type { ContentCipher, EncryptedPart, SeekableSource, StreamSource } from '../ports.ts'
import { layoutOf, type UploadPlan } from './plan.ts'

/** Plaintext bytes of a full part of a stream. */
const STREAM_PART = (MIN_PART_SIZE / SEGMENT_LENGTH) * SEGMENT_PLAINTEXT

/** Encrypted parts of one content; no network is reachable from here. */
export interface PartSupply {
  readonly header: Uint8Array
  /** Of the longest part. */
  readonly partBytes: number
  /** The next part, or null after the last; several calls may be open at once. */
  next(): Promise<EncryptedPart | null>
  /** A part that was supplied before, encrypted anew; null where the source cannot be read again. */
  again(index: number): Promise<EncryptedPart | null>
  /** MAC of a part's plaintext as it is now; null where the source cannot be read again, or no key was given. */
  macPart(index: number): Promise<Uint8Array | null>
  /** True plaintext bytes in a part that was supplied. */
  plaintextLength(index: number): number
  /** Layout, once the last part was supplied. @throws ClientError `source_changed` */
  finish(): Promise<ContentLayout>
  close(): Promise<void>
}

/** How an upload that is journaled differs. */
export interface Journaled {
  readonly macKey: Uint8Array
  /** Of the blob that an earlier attempt began. */
  readonly header?: Uint8Array | undefined
  /** Whether a part is there already, so that it is not supplied. */
  readonly isDone: (index: number) => boolean
}

/** Parts of a file of known size; the only part of a small one lies in `output`, where that is given. */
export async function seekableSupply(
  cipher: ContentCipher,
  source: SeekableSource,
  layout: ContentLayout,
  plan: UploadPlan,
  { journaled, output }: { journaled?: Journaled; output?: Uint8Array<ArrayBuffer> } = {},
): Promise<PartSupply> {
  const { dek, blobId } = plan
  const { macKey, header } = journaled ?? {}
  const encryptor = await cipher.encryptor({ source, layout, dek, blobId, macKey, header, output })
  let nextIndex = 0
  return {
    header: encryptor.header,
    partBytes: partBlobRange(layout, 0).length,
    again: (index) => encryptor.encryptPart(index),
    macPart: async (index) => (macKey === undefined ? null : await encryptor.macPart(index)),
    async next() {
      while (journaled?.isDone(nextIndex)) nextIndex += 1
      if (nextIndex >= layout.partCount) return null
      const index = nextIndex
      nextIndex += 1
      return await encryptor.encryptPart(index)
    },
    plaintextLength: (index) => partPlaintextRange(layout, index).length,
    async finish() {
      if (await encryptor.isSourceUnchanged()) return layout
      throw new ClientError('source_changed', 'The source changed while it was read.')
    },
    close: () => encryptor.close(),
  }
}

/**
 * Parts of a stream of unknown length. One part is held back until it is clear whether it is the last: only then is
 * the padding known, which may fill further parts.
 */
export async function streamSupply(engine: CryptoEngine, source: StreamSource, plan: UploadPlan): Promise<PartSupply> {
  const encryptor = await createContentEncryptor(engine, { dek: plan.dek, blobId: plan.blobId })
  const reader = blockReader(source.chunks()[Symbol.asyncIterator]())
  const sealed = bufferPool(MIN_PART_SIZE)
  let held: Uint8Array | null = await reader.read()
  let total = held.length
  let nextIndex = 0
  let layout: ContentLayout | null = null
  let turn: Promise<unknown> = Promise.resolve()

  const encrypt = async (index: number, plaintext: Uint8Array, paddedLength: number, final: boolean) => {
    const input = { firstSegment: index * (MIN_PART_SIZE / SEGMENT_LENGTH), plaintext, paddedLength, final }
    const output = sealed.take(MIN_PART_SIZE)
    const bytes = await encryptor.encryptPart(input, output)
    reader.recycle(plaintext)
    return { index, bytes, sha256: await engine.sha256(bytes), mac: null, release: () => sealed.give(output) }
  }
  const step = async (): Promise<EncryptedPart | null> => {
    const index = nextIndex
    if (layout === null && held !== null) {
      const following = held.length < STREAM_PART ? new Uint8Array(0) : await reader.read()
      if (following.length === 0) {
        layout = layoutOf(total, true)
      } else {
        const plaintext = held
        held = following
        total += following.length
        nextIndex += 1
        return await encrypt(index, plaintext, STREAM_PART, false)
      }
    }
    if (layout === null || index >= layout.partCount) return null
    nextIndex += 1
    const { paddedLength } = partPlaintextRange(layout, index)
    const plaintext = held ?? new Uint8Array(0)
    held = null
    return await encrypt(index, plaintext, paddedLength, index === layout.partCount - 1)
  }

  return {
    header: encryptor.header,
    partBytes: MIN_PART_SIZE,
    again: async () => null,
    macPart: async () => null,
    next() {
      // Reason: a stream is read front to back, whoever asks.
      const part = turn.then(step)
      turn = part.catch(() => undefined)
      return part
    },
    plaintextLength: (index) => Math.max(0, Math.min(STREAM_PART, total - index * STREAM_PART)),
    async finish() {
      if (layout === null) throw new Error('a stream was finished before its last part')
      return layout
    },
    async close() {
      encryptor.dispose()
      await reader.close()
    },
  }
}

/** Cuts an iterable of chunks into blocks of one part; a shorter block is the last. */
function blockReader(chunks: AsyncIterator<Uint8Array>) {
  const pool = bufferPool(STREAM_PART)
  let rest: Uint8Array = new Uint8Array(0)
  let ended = false
  return {
    recycle: (block: Uint8Array) => pool.give(block),
    async read(): Promise<Uint8Array> {
      const block = pool.take(STREAM_PART)
      let length = 0
      while (length < STREAM_PART) {
        if (rest.length === 0) {
          if (ended) break
          const { done, value } = await chunks.next()
          if (done) ended = true
          else rest = value
          continue
        }
        const count = Math.min(rest.length, STREAM_PART - length)
        block.set(rest.subarray(0, count), length)
        rest = rest.subarray(count)
        length += count
      }
      return block.subarray(0, length)
    },
    async close() {
      pool.clear()
      if (!ended) await chunks.return?.()
    },
  }
}
