/** What the first bytes of a picture say, read without decoding it. */
export interface ImageHead {
  readonly type: 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp' | 'image/avif' | 'image/bmp' | 'image/svg+xml'
  /** null where a picture has no size of its own. */
  readonly width: number | null
  readonly height: number | null
}

/** What an AVIF picture may say of itself before its content. */
const MOST_META_BYTES = 65_536

// [Note: Picture bombs] A few kilobytes can declare a picture of gigabytes, which decoders then try to hold. So the size
// is read from the head first, by the content and not by the name, and what is too large or unknown is never decoded.

/** Type and size of a picture, or null for what is none of the known ones. */
export function imageHead(bytes: Uint8Array): ImageHead | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return (
      png(bytes, view) ??
      gif(bytes, view) ??
      jpeg(bytes, view) ??
      webp(bytes, view) ??
      bmp(bytes, view) ??
      avif(bytes, view) ??
      svg(bytes)
    )
  } catch (error) {
    // The head is cut off.
    if (error instanceof RangeError) return null
    throw error
  }
}

function ascii(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length))
}

function png(bytes: Uint8Array, view: DataView): ImageHead | null {
  if (ascii(bytes, 1, 3) !== 'PNG' || bytes[0] !== 0x89 || ascii(bytes, 12, 4) !== 'IHDR') return null
  return { type: 'image/png', width: view.getUint32(16), height: view.getUint32(20) }
}

/** What is larger: the screen of the picture, or its first frame, to which decoders widen the screen. */
function gif(bytes: Uint8Array, view: DataView): ImageHead | null {
  if (!/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return null
  const table = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1))
  let at = 13 + table(view.getUint8(10))
  while (view.getUint8(at) === 0x21) {
    // An extension, in blocks that each tell their length; the last has none.
    for (at += 2; view.getUint8(at) !== 0; ) at += 1 + view.getUint8(at)
    at += 1
  }
  if (view.getUint8(at) !== 0x2c) return null
  const right = view.getUint16(at + 1, true) + view.getUint16(at + 5, true)
  const bottom = view.getUint16(at + 3, true) + view.getUint16(at + 7, true)
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)]
  return { type: 'image/gif', width: Math.max(width, right), height: Math.max(height, bottom) }
}

function bmp(bytes: Uint8Array, view: DataView): ImageHead | null {
  if (ascii(bytes, 0, 2) !== 'BM' || view.getUint32(14, true) < 40) return null
  return { type: 'image/bmp', width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) }
}

function jpeg(bytes: Uint8Array, view: DataView): ImageHead | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null
  for (let at = 2; at < bytes.length; ) {
    if (view.getUint8(at) !== 0xff) return null
    const marker = view.getUint8(at + 1)
    if (marker === 0xff) at += 1
    else if (isFrame(marker))
      return { type: 'image/jpeg', width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
    else at += 2 + view.getUint16(at + 2)
  }
  return null
}

/** Start of frame, which tells the size; C4, C8 and CC are something else. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

function webp(bytes: Uint8Array, view: DataView): ImageHead | null {
  if (ascii(bytes, 0, 4) !== 'RIFF' || ascii(bytes, 8, 4) !== 'WEBP') return null
  const of = (width: number, height: number): ImageHead => ({ type: 'image/webp', width, height })
  const kind = ascii(bytes, 12, 4)
  const uint24 = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 65_536
  if (kind === 'VP8X') return of(uint24(24) + 1, uint24(27) + 1)
  if (kind === 'VP8 ') return of(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff)
  if (kind !== 'VP8L') return null
  const bits = view.getUint32(21, true)
  return of((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1)
}

/**
 * The largest size among the image's properties, all of which must be near the beginning. Sequences, which have their sizes
 * elsewhere, are none of the known ones.
 */
function avif(bytes: Uint8Array, view: DataView): ImageHead | null {
  if (ascii(bytes, 4, 4) !== 'ftyp' || ascii(bytes, 8, 4) === 'avis') return null
  const brands = view.getUint32(0)
  if (!ascii(bytes, 8, Math.min(64, brands - 8)).includes('avif') || ascii(bytes, brands + 4, 4) !== 'meta') return null
  const end = brands + view.getUint32(brands)
  if (end > Math.min(bytes.length, MOST_META_BYTES)) return null
  let [width, height] = [0, 0]
  for (let at = brands + 8; at <= end - 16; at += 1) {
    if (ascii(bytes, at, 4) !== 'ispe') continue
    width = Math.max(width, view.getUint32(at + 8))
    height = Math.max(height, view.getUint32(at + 12))
  }
  return width === 0 ? null : { type: 'image/avif', width, height }
}

function svg(bytes: Uint8Array): ImageHead | null {
  const text = new TextDecoder().decode(bytes.subarray(0, 4096))
  return /^\s*(<\?xml|<!--|<!doctype svg|<svg)/i.test(text) && /<svg[\s>]/i.test(text)
    ? { type: 'image/svg+xml', width: null, height: null }
    : null
}
