import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { imageHead } from './image-head.ts'

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...part].map((c) => c.charCodeAt(0)) : part)))

const PNG = (width: number[], height: number[]) =>
  bytes([0x89], 'PNG\r\n', [0x1a, 0x0a, 0, 0, 0, 13], 'IHDR', width, height, [8, 6, 0, 0, 0])

type Size = readonly [width: number, height: number]

/** A GIF up to the head of its first frame, with a table of colours and a comment before. */
const GIF = (screen: Size, frame: Size = screen, left = 0) => {
  const word = (value: number): number[] => [value & 255, value >> 8]
  const words = (size: Size): number[] => size.flatMap(word)
  const comment = [0x21, 0xfe, 3, 0x2c, 0x2c, 0x2c, 1, 0x2c, 0]
  const head = [...words(screen), 0x80, 0, 0, 1, 2, 3, 4, 5, 6]
  return bytes('GIF89a', head, comment, [0x2c, ...word(left), 0, 0, ...words(frame), 0])
}

const AVIF = (brand: string, ...meta: (string | number[])[]) => {
  const inner = bytes(...meta)
  const length = inner.length + 12
  const word = [length >> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255]
  const head = bytes([0, 0, 0, 20], 'ftyp', brand, [0, 0, 0, 0], 'avif', word, 'meta', [0, 0, 0, 0])
  return Uint8Array.from([...head, ...inner, ...bytes('mdat')])
}
const ISPE = (width: number, height: number): (string | number[])[] => [
  'ispe',
  [0, 0, 0, 0, 0, 0, width >> 8, width & 255, 0, 0, height >> 8, height & 255],
]

describe('the head of a picture', () => {
  it('tells the size of a PNG, also an absurd one', () => {
    expect(imageHead(PNG([0, 0, 0, 3], [0, 0, 0, 2]))).toEqual({ type: 'image/png', width: 3, height: 2 })
    expect(imageHead(PNG([0, 0, 0xc3, 0x50], [0, 0, 0xc3, 0x50]))).toMatchObject({ width: 50_000, height: 50_000 })
  })

  it('tells the size of a GIF, a BMP, a JPEG and the three kinds of WebP', () => {
    expect(imageHead(GIF([10, 20]))).toMatchObject({ type: 'image/gif', width: 10, height: 20 })
    const bmp = bytes('BM', Array(12).fill(0), [40, 0, 0, 0, 7, 0, 0, 0, 0xfb, 0xff, 0xff, 0xff])
    expect(imageHead(bmp)).toMatchObject({ type: 'image/bmp', width: 7, height: 5 })
    const jpeg = bytes([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc2, 0, 17, 8, 0, 9, 0, 16])
    expect(imageHead(jpeg)).toMatchObject({ type: 'image/jpeg', width: 16, height: 9 })
    const riff = (kind: string, rest: number[]) => bytes('RIFF', [0, 0, 0, 0], 'WEBP', kind, rest)
    const extended = riff('VP8X', [10, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 49, 0, 0])
    expect(imageHead(extended)).toMatchObject({ width: 100, height: 50 })
    const lossy = riff('VP8 ', [0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 30, 0, 40, 0])
    expect(imageHead(lossy)).toMatchObject({ width: 30, height: 40 })
    const lossless = riff('VP8L', [0, 0, 0, 0, 0x2f, 9, 0xc0, 4, 0])
    expect(imageHead(lossless)).toMatchObject({ width: 10, height: 20 })
  })

  it('tells the size of a GIF whose first frame is larger than its screen', () => {
    expect(imageHead(GIF([1, 1], [20_000, 30_000]))).toMatchObject({ width: 20_000, height: 30_000 })
    expect(imageHead(GIF([300, 200], [10, 10], 50))).toMatchObject({ width: 300, height: 200 })
    expect(imageHead(GIF([300, 200], [300, 10], 50))).toMatchObject({ width: 350 })
    expect(imageHead(GIF([300, 200]).subarray(0, 20))).toBeNull()
  })

  it('tells the largest size that an AVIF names, and knows none that names it late', () => {
    expect(imageHead(AVIF('avif', ...ISPE(40, 30)))).toMatchObject({ type: 'image/avif', width: 40, height: 30 })
    expect(imageHead(AVIF('mif1', ...ISPE(40, 30), ...ISPE(16_000, 20)))).toMatchObject({ width: 16_000, height: 30 })
    expect(imageHead(AVIF('avif', ...ISPE(40, 30), Array(66_000).fill(0), ...ISPE(16_000, 16_000)))).toBeNull()
    expect(imageHead(AVIF('avis', ...ISPE(40, 30)))).toBeNull()
  })

  it('knows an SVG, and takes no HTML, script or PDF for a picture', () => {
    expect(imageHead(bytes('<?xml version="1.0"?><svg></svg>'))?.type).toBe('image/svg+xml')
    expect(imageHead(bytes('<html><svg></svg></html>'))).toBeNull()
    expect(imageHead(bytes('alert(1)'))).toBeNull()
    expect(imageHead(bytes('%PDF-1.7'))).toBeNull()
  })

  it('is nothing, and never an error, for whatever else', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('\x89PNG', 'GIF89a', '\xff\xd8', 'RIFFxxxxWEBPVP8 ', 'BM', '', 'xxxxftypavif'),
        fc.uint8Array({ maxLength: 60 }),
        (start, rest) => {
          const head = imageHead(bytes(start, [...rest]))
          expect(head === null || head.type.startsWith('image/')).toBe(true)
        },
      ),
      { seed: 7, numRuns: 500 },
    )
  })
})
