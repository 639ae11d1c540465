import { CryptoError } from './errors.ts'

/** Bytes of every id. */
export const ID_LENGTH = 16
/** Bytes of every symmetric key. */
export const KEY_LENGTH = 32
/** Plaintext bytes of a full content segment. */
export const SEGMENT_PLAINTEXT = 262_112
/** Stored bytes of a full content segment: length word, IV, ciphertext, tag. */
export const SEGMENT_LENGTH = 262_144
/** Stored bytes of a segment beyond its plaintext: length word (4), IV (12), tag (16). */
export const SEGMENT_OVERHEAD = SEGMENT_LENGTH - SEGMENT_PLAINTEXT
/** Bytes of the content header, which lives in the signed record. */
export const CONTENT_HEADER_LENGTH = 74
/** Smallest part of a blob in bytes; parts are this times 1, 2, 4 or 8. */
export const MIN_PART_SIZE = 8 * 1024 * 1024
/** Largest part of a blob in bytes. */
export const MAX_PART_SIZE = 8 * MIN_PART_SIZE
/** Most parts of a blob. */
export const MAX_PARTS = 10_000
/** Largest blob in bytes: 625 GiB. */
export const MAX_BLOB_LENGTH = MAX_PARTS * MAX_PART_SIZE
/** Smallest padded size of a file that is not empty. */
export const MIN_PADDED_SIZE = 512

/** How the content of one file is laid out in its blob. All numbers are bytes or counts. */
export interface ContentLayout {
  /** True size of the plaintext. */
  readonly size: number
  /** Size of the plaintext with its zero padding. */
  readonly paddedSize: number
  readonly segmentCount: number
  /** Stored bytes: segments only, the header is kept in the record. */
  readonly blobLength: number
  /** Bytes of every part but the last. */
  readonly partSize: number
  readonly partCount: number
}

/**
 * Padmé: the smallest size ≥ `size` whose binary form ends in enough zeros that only O(log log) bits of it are known.
 *
 * @param size - bytes, a safe integer ≥ 0
 * @throws CryptoError `size_out_of_range`
 * @see spec/file-format.md §4
 */
export function padme(size: number): number {
  checkSize(size)
  if (size < 2) return size
  const exponent = floorLog2(size)
  const unit = 2 ** (exponent - (floorLog2(exponent) + 1))
  // Reason: for sizes of 2 and 3 the unit is ½ or 1; both leave the size as it is.
  return unit <= 1 ? size : Math.ceil(size / unit) * unit
}

/**
 * Padded size of a plaintext: 0 for empty files, else at least 512.
 *
 * @throws CryptoError `size_out_of_range`
 */
export function paddedSize(size: number): number {
  return size === 0 ? 0 : Math.max(MIN_PADDED_SIZE, padme(size))
}

/**
 * Layout of a content of known size, with the smallest parts that are few enough.
 *
 * @throws CryptoError `size_out_of_range` above 625 GiB
 */
export function contentLayout(size: number): ContentLayout {
  for (let partSize = MIN_PART_SIZE; partSize <= MAX_PART_SIZE; partSize *= 2) {
    const layout = layoutWith(size, partSize)
    if (layout.partCount <= MAX_PARTS) return layout
  }
  throw new CryptoError('size_out_of_range')
}

/**
 * Layout with the smallest parts, for sources whose length is unknown while their first parts are sent.
 *
 * @throws CryptoError `size_out_of_range` above 10,000 parts of 8 MiB
 */
export function streamLayout(size: number): ContentLayout {
  const layout = layoutWith(size, MIN_PART_SIZE)
  if (layout.partCount > MAX_PARTS) throw new CryptoError('size_out_of_range')
  return layout
}

/**
 * Layout of a record that was read.
 *
 * @throws CryptoError `malformed` when blob length or part size do not follow from the size
 */
export function checkLayout(record: { size: number; blobLength: number; partSize: number }): ContentLayout {
  const { size, blobLength, partSize } = record
  if (!Number.isSafeInteger(size) || size < 0 || size > MAX_BLOB_LENGTH) throw new CryptoError('malformed')
  const k = [1, 2, 4, 8].indexOf(partSize / MIN_PART_SIZE)
  if (k < 0) throw new CryptoError('malformed')
  const layout = layoutWith(size, partSize)
  if (layout.blobLength !== blobLength || layout.partCount > MAX_PARTS) throw new CryptoError('malformed')
  return layout
}

/**
 * Where a part lies in the blob.
 *
 * @throws CryptoError `size_out_of_range` for an index that the blob does not have
 */
export function partBlobRange(layout: ContentLayout, index: number): { offset: number; length: number } {
  checkIndex(layout, index)
  const offset = index * layout.partSize
  return { offset, length: Math.min(layout.partSize, layout.blobLength - offset) }
}

/**
 * Where the plaintext of a part lies in the file.
 *
 * `length` counts true plaintext and is 0 for a part that holds only padding; `paddedLength` is what gets encrypted.
 *
 * @throws CryptoError `size_out_of_range` for an index that the blob does not have
 */
export function partPlaintextRange(
  layout: ContentLayout,
  index: number,
): { offset: number; length: number; paddedLength: number } {
  checkIndex(layout, index)
  const perPart = (layout.partSize / SEGMENT_LENGTH) * SEGMENT_PLAINTEXT
  const paddedOffset = index * perPart
  const paddedLength = Math.min(perPart, layout.paddedSize - paddedOffset)
  const offset = Math.min(paddedOffset, layout.size)
  return { offset, length: Math.min(paddedLength, layout.size - offset), paddedLength }
}

function layoutWith(size: number, partSize: number): ContentLayout {
  const padded = paddedSize(size)
  const segmentCount = Math.max(1, Math.ceil(padded / SEGMENT_PLAINTEXT))
  const blobLength = padded + segmentCount * SEGMENT_OVERHEAD
  return { size, paddedSize: padded, segmentCount, blobLength, partSize, partCount: Math.ceil(blobLength / partSize) }
}

function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0 || size > MAX_BLOB_LENGTH) throw new CryptoError('size_out_of_range')
}

function checkIndex(layout: ContentLayout, index: number): void {
  if (!Number.isSafeInteger(index) || index < 0 || index >= layout.partCount) {
    throw new CryptoError('size_out_of_range')
  }
}

/** Exact for safe integers ≥ 1; Math.log2 rounds near powers of two. */
function floorLog2(value: number): number {
  const high = Math.floor(value / 2 ** 32)
  return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value)
}
