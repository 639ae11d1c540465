import type { Bytes } from '../encoding.ts'
import { concat } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { CryptoError } from '../errors.ts'
import type { BlobId } from '../ids.ts'
import { inFlight } from '../in-flight.ts'
import { labelPrefix } from '../labels.ts'
import type { Dek } from '../secret-bytes.ts'
import { ID_LENGTH, MAX_BLOB_LENGTH, SEGMENT_LENGTH, SEGMENT_OVERHEAD, SEGMENT_PLAINTEXT } from '../sizes.ts'
import type { FloeKeys } from './floe.ts'
import { decryptSegment, encryptSegment, resumeFloe, SEGMENT_IV_LENGTH, startFloe } from './floe.ts'

const MAX_SEGMENTS = MAX_BLOB_LENGTH / SEGMENT_LENGTH

/** Plaintext of one part, on its way into a blob. */
export interface PlainPart {
  /** Index in the blob of the part's first segment. */
  readonly firstSegment: number
  /** True plaintext bytes; read, never changed. */
  readonly plaintext: Bytes
  /** Bytes to encrypt: the plaintext and as many zeros; whole segments unless the part is final. */
  readonly paddedLength: number
  /** Whether the blob ends with this part. */
  readonly final: boolean
}

/** Encrypts the parts of one content; parts may come in any order and run at the same time. */
export interface ContentEncryptor {
  /** 74 bytes for the signed record. */
  readonly header: Bytes
  /**
   * Encrypts one part with fresh random segment IVs.
   *
   * @param output - memory to reuse, at least as long as the part; else new memory is taken
   * @returns the stored bytes, a view of `output` where that was given
   * @throws CryptoError `size_out_of_range` when the lengths make no part, `invalid_key` after disposal
   */
  encryptPart(part: PlainPart, output?: Bytes): Promise<Bytes>
  dispose(): void
}

/** Decrypts the parts of one content, in any order. */
export interface ContentDecryptor {
  /**
   * Decrypts one part to its padded plaintext; nothing is returned unless every segment is authentic.
   *
   * @param output - memory to reuse, at least as long as the plaintext; wiped on failure. May be that of `ciphertext`, from
   *   its start
   * @throws CryptoError `malformed` when the length makes no part, `decrypt_failed`, `invalid_key` after disposal
   */
  decryptPart(part: { firstSegment: number; ciphertext: Bytes; final: boolean }, output?: Bytes): Promise<Bytes>
  dispose(): void
}

/**
 * Starts a new content under a fresh random header IV.
 *
 * @param content - the DEK is read, not kept; it must not have been used for another content
 */
export async function createContentEncryptor(
  engine: CryptoEngine,
  content: { dek: Dek; blobId: BlobId },
): Promise<ContentEncryptor> {
  return encryptorFor(engine, await startFloe(engine, content.dek, contentAad(content.blobId)))
}

/**
 * Takes up a content whose header was journaled. Every segment still gets a fresh IV, so parts may be encrypted again.
 *
 * @throws CryptoError `malformed`, `upgrade_required` or `decrypt_failed` when the header is not this DEK's and blob's
 */
export async function resumeContentEncryptor(
  engine: CryptoEngine,
  content: { dek: Dek; blobId: BlobId; header: Bytes },
): Promise<ContentEncryptor> {
  return encryptorFor(engine, await resumeFloe(engine, floeContent(content)))
}

/**
 * Opens a content for reading.
 *
 * @throws CryptoError `malformed`, `upgrade_required` or `decrypt_failed` when the header is not this DEK's and blob's
 */
export async function createContentDecryptor(
  engine: CryptoEngine,
  content: { dek: Dek; blobId: BlobId; header: Bytes },
): Promise<ContentDecryptor> {
  const keys = await resumeFloe(engine, floeContent(content))
  return {
    decryptPart: (part, output) => decryptPart(engine, keys, part, output),
    dispose: () => keys.dispose(),
  }
}

/** FLOE's additional data: `"strongroom/content" 00 01 ‖ blob id`. */
export function contentAad(blobId: BlobId): Bytes {
  if (blobId.length !== ID_LENGTH) throw new CryptoError('malformed')
  return concat(labelPrefix('content'), blobId)
}

function floeContent(content: { dek: Dek; blobId: BlobId; header: Bytes }): { dek: Dek; aad: Bytes; header: Bytes } {
  return { dek: content.dek, aad: contentAad(content.blobId), header: content.header }
}

function encryptorFor(engine: CryptoEngine, keys: FloeKeys): ContentEncryptor {
  return {
    header: keys.header,
    encryptPart: (part, output) => encryptPart(engine, keys, part, output),
    dispose: () => keys.dispose(),
  }
}

async function encryptPart(engine: CryptoEngine, keys: FloeKeys, part: PlainPart, output?: Bytes): Promise<Bytes> {
  const { firstSegment, plaintext, paddedLength, final } = part
  const count = plainSegments(firstSegment, paddedLength, final)
  if (count === null || plaintext.length > paddedLength) throw new CryptoError('size_out_of_range')
  const length = paddedLength + count * SEGMENT_OVERHEAD
  const stored = memory(length, output)
  // [Note: Segment IVs] Always from the engine's generator: a resumed upload must never repeat an IV under one key.
  const ivs = engine.randomBytes(count * SEGMENT_IV_LENGTH)
  await inFlight(count, engine.parallelism, (i) =>
    encryptSegment(
      keys,
      {
        index: firstSegment + i,
        final: final && i === count - 1,
        iv: ivs.subarray(i * SEGMENT_IV_LENGTH, (i + 1) * SEGMENT_IV_LENGTH),
        plaintext: padded(plaintext, i * SEGMENT_PLAINTEXT, Math.min((i + 1) * SEGMENT_PLAINTEXT, paddedLength)),
      },
      stored.subarray(i * SEGMENT_LENGTH, Math.min((i + 1) * SEGMENT_LENGTH, length)),
    ),
  )
  return stored
}

async function decryptPart(
  engine: CryptoEngine,
  keys: FloeKeys,
  part: { firstSegment: number; ciphertext: Bytes; final: boolean },
  output?: Bytes,
): Promise<Bytes> {
  const { firstSegment, ciphertext, final } = part
  const count = Math.ceil(ciphertext.length / SEGMENT_LENGTH)
  const length = ciphertext.length - count * SEGMENT_OVERHEAD
  if (length < 0 || plainSegments(firstSegment, length, final) !== count) throw new CryptoError('malformed')
  const plaintext = memory(length, output)
  // Invariant: segments begin in their order, and an engine has read a segment before it writes: the plaintext of one ends
  // before the next one's bytes begin, so that both may lie in the same memory.
  try {
    await inFlight(count, engine.parallelism, (i) =>
      decryptSegment(
        keys,
        {
          index: firstSegment + i,
          final: final && i === count - 1,
          stored: ciphertext.subarray(i * SEGMENT_LENGTH, (i + 1) * SEGMENT_LENGTH),
        },
        plaintext.subarray(i * SEGMENT_PLAINTEXT, Math.min((i + 1) * SEGMENT_PLAINTEXT, length)),
      ),
    )
  } catch (error) {
    plaintext.fill(0)
    throw error
  }
  return plaintext
}

/** Segments of a part with that much padded plaintext; null when no part has it. */
function plainSegments(firstSegment: number, length: number, final: boolean): number | null {
  if (!Number.isSafeInteger(firstSegment) || firstSegment < 0 || !Number.isSafeInteger(length)) return null
  // Invariant (file-format §3): only an empty content has an empty segment, and it is its only one.
  if (length === 0) return final && firstSegment === 0 ? 1 : null
  if (length < 0 || (!final && length % SEGMENT_PLAINTEXT !== 0)) return null
  const count = Math.ceil(length / SEGMENT_PLAINTEXT)
  return firstSegment + count <= MAX_SEGMENTS ? count : null
}

/** The plaintext between two offsets, with zeros where it has ended; a view where it reaches that far. */
function padded(plaintext: Bytes, start: number, end: number): Bytes {
  if (end <= plaintext.length) return plaintext.subarray(start, end)
  const bytes = new Uint8Array(end - start)
  if (start < plaintext.length) bytes.set(plaintext.subarray(start))
  return bytes
}

function memory(length: number, output: Bytes | undefined): Bytes {
  if (output === undefined) return new Uint8Array(length)
  if (output.length < length) throw new CryptoError('size_out_of_range')
  return output.subarray(0, length)
}
