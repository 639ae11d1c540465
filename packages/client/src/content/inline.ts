import {
  type ContentLayout,
  type CryptoEngine,
  CryptoError,
  createContentDecryptor,
  createContentEncryptor,
  equalBytes,
  partPlaintextRange,
  SEGMENT_LENGTH,
} from '@strongroom/crypto'
import { ClientError, integrityError } from '../errors.ts'
import type { ContentCipher, OpenSource } from '../ports.ts'

/** Content encryption in the calling thread; plaintext buffers are reused. */
export function inlineCipher(engine: CryptoEngine): ContentCipher {
  return {
    async encryptor({ source, layout, dek, blobId }) {
      const file = await source.open()
      const encryptor = await createContentEncryptor(engine, { dek, blobId })
      const pool: Uint8Array[] = []
      return {
        header: encryptor.header,
        async encryptPart(index) {
          const range = partPlaintextRange(layout, index)
          const buffer = pool.pop() ?? new Uint8Array(largestPart(layout))
          try {
            const plaintext = buffer.subarray(0, range.length)
            await readExactly(file, range.offset, plaintext)
            const bytes = await encryptor.encryptPart({
              firstSegment: firstSegment(layout, index),
              plaintext,
              paddedLength: range.paddedLength,
              final: index === layout.partCount - 1,
            })
            return { index, bytes, sha256: await engine.sha256(bytes), release() {} }
          } finally {
            pool.push(buffer)
          }
        },
        isSourceUnchanged: () => file.isUnchanged(),
        async close() {
          encryptor.dispose()
          for (const buffer of pool) buffer.fill(0)
          await file.close()
        },
      }
    },
    async decryptor({ header, layout, dek, blobId }) {
      const decryptor = await createContentDecryptor(engine, { dek, blobId, header }).catch((cause: unknown) => {
        throw contentFailure(cause)
      })
      return {
        async decryptPart(index, ciphertext, sha256) {
          // Invariant: nothing of a part is decrypted before its digest, which the signed root covers, was compared.
          if (!equalBytes(await engine.sha256(ciphertext), sha256)) throw integrityError('a part of a file')
          try {
            const plaintext = await decryptor.decryptPart({
              firstSegment: firstSegment(layout, index),
              ciphertext,
              final: index === layout.partCount - 1,
            })
            return cutPadding(plaintext, partPlaintextRange(layout, index).length)
          } catch (cause) {
            throw contentFailure(cause)
          }
        },
        async close() {
          decryptor.dispose()
        },
      }
    },
    async close() {},
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
export function cutPadding(plaintext: Uint8Array, length: number): Uint8Array {
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
