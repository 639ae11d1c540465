import { ServerError } from '../errors.ts'

const MAX_PARTS = 10_000

/** Parts of a blob of known length; an empty file is one segment, so no blob is without parts. */
export function partCount(blobLength: number, partSize: number): number {
  return Math.ceil(blobLength / partSize)
}

/** Length of a part of a blob of known length. */
export function partLength(blobLength: number, partSize: number, index: number): number {
  return Math.min(partSize, blobLength - index * partSize)
}

/** @throws ServerError `bad_request` for a length that no blob has or that needs more than 10,000 parts */
export function checkLength(blobLength: number, partSize: number): void {
  if (blobLength < 1 || partCount(blobLength, partSize) > MAX_PARTS) {
    throw new ServerError('bad_request', { details: { path: 'blobLength' } })
  }
}
