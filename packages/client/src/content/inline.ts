import {
  type ContentDecryptor,
  type ContentLayout,
  type CryptoEngine,
  CryptoError,
  createContentDecryptor,
  createContentEncryptor,
  equalBytes,
  partBlobRange,
  partPlaintextRange,
  SEGMENT_LENGTH,
} from '@strongroom/crypto'
import { ClientError, integrityError } from '../errors.ts'
import type { ContentCipher, OpenSource } from '../ports.ts'
import { bufferPool } from './buffers.ts'

/** Content encryption in the calling thread; plaintext buffers are reused. */
export function inlineCipher(engine: CryptoEngine): ContentCipher {
  return {
    async encryptor({ source, layout, dek, blobId }) {
      const file = await source.open()
      const encryptor = await createContentEncryptor(engine, { dek, blobId })
      const plain = bufferPool(largestPart(layout))
      const sealed = bufferPool(partBlobRange(layout, 0).length)
      return {
        header: encryptor.header,
        async encryptPart(index) {
          const range = partPlaintextRange(layout, index)
          const plaintext = plain.take(range.length)
          try {
            await readExactly(file, range.offset, plaintext)
            const output = sealed.take(partBlobRange(layout, index).length)
            const part = {
              firstSegment: firstSegment(layout, index),
              plaintext,
              paddedLength: range.paddedLength,
              final: index === layout.partCount - 1,
            }
            const bytes = await encryptor.encryptPart(part, output)
            return { index, bytes, sha256: await engine.sha256(bytes), release: () => sealed.give(output) }
          } finally {
            plain.give(plaintext)
          }
        },
        isSourceUnchanged: () => file.isUnchanged(),
        async close() {
          encryptor.dispose()
          plain.clear()
          await file.close()
        },
      }
    },
    async decryptor({ header, layout, dek, blobId }) {
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
          return { bytes, release: () => plain.give(output) }
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
