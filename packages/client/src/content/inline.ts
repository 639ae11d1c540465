import {
  type ContentDecryptor,
  type ContentEncryptor,
  type ContentLayout,
  type CryptoEngine,
  CryptoError,
  concat,
  createContentDecryptor,
  createContentEncryptor,
  equalBytes,
  partBlobRange,
  partPlaintextRange,
  resumeContentEncryptor,
  SEGMENT_LENGTH,
  u32,
  u64,
} from '@strongroom/crypto'
import { ClientError, integrityError } from '../errors.ts'
import type { CipherInput, ContentCipher, OpenSource, SeekableSource } from '../ports.ts'
import { type BufferPool, bufferPool } from './buffers.ts'

/** Bytes of sources that may be read as a whole. */
const SMALL = 256 * 1024

/** Content encryption in the calling thread; plaintext buffers are reused. */
export function inlineCipher(engine: CryptoEngine): ContentCipher {
  const small = bufferPool(SMALL)
  return {
    async encryptor(input) {
      const { source, layout, macKey } = input
      const encryptor = await contentEncryptor(engine, input)
      const plain = await openPlaintext(source, layout, small).catch((error: unknown) => {
        encryptor.dispose()
        throw error
      })
      const sealed = bufferPool(partBlobRange(layout, 0).length)
      const withPlaintext = async <T>(index: number, task: (plaintext: Uint8Array) => Promise<T>): Promise<T> => {
        const plaintext = await plain.read(index)
        try {
          return await task(plaintext)
        } finally {
          plain.give(plaintext)
        }
      }
      return {
        header: encryptor.header,
        encryptPart: (index) =>
          withPlaintext(index, async (plaintext) => {
            const output = input.output ?? sealed.take(partBlobRange(layout, index).length)
            const part = {
              firstSegment: firstSegment(layout, index),
              plaintext,
              paddedLength: partPlaintextRange(layout, index).paddedLength,
              final: index === layout.partCount - 1,
            }
            const mac = macKey === undefined ? null : await plaintextMac(engine, macKey, index, plaintext)
            const bytes = await encryptor.encryptPart(part, output)
            return { index, bytes, sha256: await engine.sha256(bytes), mac, release: () => sealed.give(output) }
          }),
        async macPart(index) {
          if (macKey === undefined) throw new Error('a mac needs a key')
          return await withPlaintext(index, (plaintext) => plaintextMac(engine, macKey, index, plaintext))
        },
        isSourceUnchanged: () => plain.isUnchanged(),
        async close() {
          encryptor.dispose()
          await plain.close()
        },
      }
    },
    async decryptor({ header, layout, dek, blobId, macKey }) {
      const decryptor = await createContentDecryptor(engine, { dek, blobId, header }).catch((cause: unknown) => {
        throw contentFailure(cause)
      })
      const sealed = bufferPool(partBlobRange(layout, 0).length)
      const plain = bufferPool(partPlaintextRange(layout, 0).paddedLength)
      return {
        lend: (length) => sealed.take(length),
        async decryptPart(index, ciphertext, sha256) {
          const range = partPlaintextRange(layout, index)
          const output = plain.take(range.paddedLength)
          const part = { firstSegment: firstSegment(layout, index), final: index === layout.partCount - 1 }
          const bytes = await openPart(engine, decryptor, { ...part, ciphertext, sha256, output, length: range.length })
          sealed.give(ciphertext)
          const mac = macKey === undefined ? null : await plaintextMac(engine, macKey, index, bytes)
          return { bytes, mac, release: () => plain.give(output) }
        },
        async close() {
          decryptor.dispose()
          plain.clear()
        },
      }
    },
    async close() {},
  }
}

/** The plaintext of a source's parts. */
interface Plaintext {
  /** One part, until `give` takes it back. @throws ClientError `source_changed` */
  read(index: number): Promise<Uint8Array>
  give(plaintext: Uint8Array): void
  isUnchanged(): Promise<boolean>
  close(): Promise<void>
}

async function openPlaintext(source: SeekableSource, layout: ContentLayout, small: BufferPool): Promise<Plaintext> {
  return (await readWhole(source, small)) ?? inParts(await source.open(), layout)
}

/** A small source, read by now; null where it cannot be read so. */
async function readWhole(source: SeekableSource, small: BufferPool): Promise<Plaintext | null> {
  if (source.readWhole === undefined || source.size > SMALL) return null
  const whole = small.take(source.size)
  const close = async () => {
    whole.fill(0)
    small.give(whole)
  }
  if (await source.readWhole(whole)) {
    // What was read was compared then; what the source holds later does not matter.
    return { read: async () => whole, give: () => undefined, isUnchanged: async () => true, close }
  }
  await close()
  return null
}

function inParts(file: OpenSource, layout: ContentLayout): Plaintext {
  const pool = bufferPool(largestPart(layout))
  return {
    async read(index) {
      const { offset, length } = partPlaintextRange(layout, index)
      const plaintext = pool.take(length)
      try {
        await readExactly(file, offset, plaintext)
        return plaintext
      } catch (error) {
        pool.give(plaintext)
        throw error
      }
    },
    give: (plaintext) => pool.give(plaintext),
    isUnchanged: () => file.isUnchanged(),
    async close() {
      pool.clear()
      await file.close()
    },
  }
}

/** An encryptor for a new blob, or for one that was begun before. */
export function contentEncryptor(
  engine: CryptoEngine,
  { dek, blobId, header }: Pick<CipherInput, 'dek' | 'blobId'> & { header?: Uint8Array | undefined },
): Promise<ContentEncryptor> {
  return header === undefined
    ? createContentEncryptor(engine, { dek, blobId })
    : resumeContentEncryptor(engine, { dek, blobId, header })
}

/** Bytes of a `plaintextMac`. */
export const PLAINTEXT_MAC_LENGTH = 16

/**
 * What tells later whether a part's plaintext is the same: GMAC of the list of the GMACs of its
 * pieces. The key is as secret as the plaintext, and used for one transfer.
 *
 * Reason: HMAC-SHA-256 costs more than encrypting. WebCrypto copies what it is given, and a copy of a whole part is new
 * memory, which costs eight times what the GMAC does. A nonce, of the place of a piece, comes again only where a part is
 * read again, and what is computed then is compared and never leaves this function's caller.
 */
export async function plaintextMac(
  engine: CryptoEngine,
  key: Uint8Array,
  index: number,
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  const cipher = await engine.importAesGcm(key)
  const macOf = (place: number, bytes: Uint8Array): Promise<Uint8Array> =>
    cipher.encrypt(concat(u64(place), u32(index)), bytes, new Uint8Array(0))
  try {
    const macs: Uint8Array[] = []
    for (let start = 0; start < plaintext.length; start += MAC_PIECE) {
      macs.push(await macOf(macs.length + 1, plaintext.subarray(start, start + MAC_PIECE)))
    }
    // Invariant: place 0 is the list's, those after it are the pieces', so that no two have one nonce.
    return await macOf(0, concat(...macs))
  } finally {
    cipher.destroy()
  }
}

/** Bytes of the pieces of a `plaintextMac`. */
const MAC_PIECE = 512 * 1024

export interface PartToOpen {
  readonly firstSegment: number
  readonly final: boolean
  readonly ciphertext: Uint8Array
  readonly sha256: Uint8Array
  readonly output: Uint8Array
  /** True plaintext bytes. */
  readonly length: number
}

/** Verifies a part, decrypts it into `output` and cuts its padding. @throws ClientError `integrity` */
export async function openPart(
  engine: CryptoEngine,
  decryptor: ContentDecryptor,
  { ciphertext, sha256, output, length, ...place }: PartToOpen,
): Promise<Uint8Array> {
  // Invariant: nothing of a part is decrypted before its digest, which the signed root covers, was compared.
  if (!equalBytes(await engine.sha256(ciphertext), sha256)) throw integrityError('a part of a file')
  try {
    return cutPadding(await decryptor.decryptPart({ ...place, ciphertext }, output), length)
  } catch (cause) {
    throw contentFailure(cause)
  }
}

/** Index of a part's first segment. */
export function firstSegment(layout: ContentLayout, index: number): number {
  return (layout.partSize / SEGMENT_LENGTH) * index
}

/** Most true plaintext bytes that a part of this layout holds. */
export function largestPart(layout: ContentLayout): number {
  return layout.partCount === 0 ? 0 : partPlaintextRange(layout, 0).length
}

/** Reads until `target` is full. @throws ClientError `source_changed` when the source ends before */
export async function readExactly(file: OpenSource, offset: number, target: Uint8Array): Promise<void> {
  let done = 0
  while (done < target.length) {
    const count = await file.read(offset + done, target.subarray(done))
    if (count === 0) throw new ClientError('source_changed', 'The source became shorter while it was read.')
    done += count
  }
}

/** Cuts the padding off a decrypted part. @throws ClientError `integrity` unless it is zeros */
function cutPadding(plaintext: Uint8Array, length: number): Uint8Array {
  for (let index = length; index < plaintext.length; index += 1) {
    if (plaintext[index] !== 0) throw integrityError('the padding of a file')
  }
  return plaintext.subarray(0, length)
}

/** What a failure of decryption means to the caller: someone tampered. */
export function contentFailure(cause: unknown): unknown {
  if (cause instanceof ClientError || !(cause instanceof CryptoError)) return cause
  return cause.code === 'upgrade_required'
    ? new ClientError('upgrade_required', 'The file was written by a newer client.', { cause })
    : integrityError('the content of a file', cause)
}
