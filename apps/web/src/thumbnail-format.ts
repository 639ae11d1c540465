import { type ImageHead, imageHead } from './image-head.ts'

/** The slot of a version that holds one. */
export const THUMBNAIL_SLOT = 'thumbnail'
/** Longest edge of one that is made, in pixels. */
export const THUMBNAIL_EDGE = 256
/** Longest edge of one that is shown: other clients may make larger ones. */
const MOST_EDGE = 512
export const THUMBNAIL_BYTES = 32 * 1024
const LEAST_BYTES = 4 * 1024

/** Adds zeros up to one of four lengths. */
export function padThumbnail(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let length = LEAST_BYTES
  while (length < bytes.length) length *= 2
  const padded = new Uint8Array(length)
  padded.set(bytes)
  return padded
}

/** The type of a thumbnail that may be decoded and shown; null for whatever else a client has put into the slot. */
export function thumbnailType(bytes: Uint8Array): ImageHead['type'] | null {
  if (bytes.length > THUMBNAIL_BYTES) return null
  const head = imageHead(bytes)
  if (head === null || (head.type !== 'image/webp' && head.type !== 'image/jpeg')) return null
  const edge = Math.max(head.width ?? 0, head.height ?? 0)
  return edge > 0 && edge <= MOST_EDGE ? head.type : null
}
