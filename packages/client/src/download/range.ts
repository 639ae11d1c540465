import { type ContentLayout, partPlaintextRange } from '@strongroom/crypto'
import { ClientError } from '../errors.ts'

/** Plaintext bytes of one part that belong to a range. */
export interface PartSlice {
  readonly index: number
  /** Within the part's plaintext. */
  readonly start: number
  readonly end: number
}

/**
 * Cuts a range down to the file and into parts; the empty list for an empty range.
 *
 * @throws ClientError `usage` for a negative or fractional offset or length, or an offset beyond the end
 */
export function sliceRange(layout: ContentLayout, offset: number, length: number | undefined): PartSlice[] {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > layout.size) {
    throw new ClientError('usage', 'The range begins outside the file.')
  }
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 0)) {
    throw new ClientError('usage', 'The length of the range is not a count of bytes.')
  }
  const end = length === undefined ? layout.size : Math.min(layout.size, offset + length)
  const slices: PartSlice[] = []
  if (end <= offset) return slices
  const perPart = partPlaintextRange(layout, 0).length
  for (let index = Math.floor(offset / perPart); index < layout.partCount; index += 1) {
    const part = partPlaintextRange(layout, index)
    if (part.offset >= end || part.length === 0) break
    slices.push({
      index,
      start: Math.max(0, offset - part.offset),
      end: Math.min(part.length, end - part.offset),
    })
  }
  return slices
}
