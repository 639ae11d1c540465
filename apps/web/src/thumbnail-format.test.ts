import { describe, expect, it } from 'vitest'
import { padThumbnail, THUMBNAIL_BYTES, thumbnailType } from './thumbnail-format.ts'

/** The head of a lossy WebP of this size. */
function webp(width: number, height: number, length = 4096): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes.set(new TextEncoder().encode('RIFF    WEBPVP8 '))
  bytes.set([0x9d, 0x01, 0x2a, width & 255, width >> 8, height & 255, height >> 8], 23)
  return bytes
}

describe('a thumbnail', () => {
  it.each([
    [1, 4096],
    [4096, 4096],
    [4097, 8192],
    [10_000, 16_384],
    [32_768, 32_768],
  ])('of %d bytes is stored as one of four lengths: %d', (length, padded) => {
    const bytes = new Uint8Array(length).fill(7)
    const stored = padThumbnail(bytes)
    expect(stored.length).toBe(padded)
    expect(stored.subarray(0, length)).toEqual(bytes)
    expect(stored.subarray(length).every((byte) => byte === 0)).toBe(true)
  })

  it('is shown only as one of two types, and neither large nor long', () => {
    expect(thumbnailType(webp(256, 171))).toBe('image/webp')
    expect(thumbnailType(webp(512, 512))).toBe('image/webp')
    expect(thumbnailType(webp(513, 10))).toBeNull()
    expect(thumbnailType(webp(10, 513))).toBeNull()
    expect(thumbnailType(webp(0, 0))).toBeNull()
    expect(thumbnailType(webp(256, 171, THUMBNAIL_BYTES + 1))).toBeNull()
    expect(thumbnailType(new Uint8Array(0))).toBeNull()
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    expect(thumbnailType(new TextEncoder().encode(svg))).toBeNull()
    const gif = new TextEncoder().encode('GIF89a\u0001\u0000\u0001\u0000\u0000\u0000\u0000')
    expect(thumbnailType(gif)).toBeNull()
  })
})
