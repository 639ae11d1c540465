import { imageHead } from '../image-head.ts'
import { padThumbnail, THUMBNAIL_BYTES, THUMBNAIL_EDGE } from '../thumbnail-format.ts'

// Entry of the worker that decodes pictures. It knows no key and no name, and is ended when a picture takes too long.

/** See [Note: Picture bombs]. */
const MOST_PIXELS = 64_000_000
/** In which the size of a picture must be told. */
const HEAD_BYTES = 1024 * 1024
const QUALITIES = [0.8, 0.6, 0.4, 0.2]

addEventListener('message', ({ data }: MessageEvent<Blob>) => {
  // Whatever a decoder says of a picture, there is none to show then.
  void thumbnailOf(data)
    .catch(() => null)
    .then((bytes) => postMessage(bytes))
})

/** A small picture of a picture, padded; null where it is too large, or none that this browser can draw. */
async function thumbnailOf(picture: Blob): Promise<Uint8Array | null> {
  const head = imageHead(new Uint8Array(await picture.slice(0, HEAD_BYTES).arrayBuffer()))
  if (head === null || head.width === null || head.height === null) return null
  if (head.width * head.height > MOST_PIXELS) return null
  const bitmap = await createImageBitmap(picture.slice(0, picture.size, head.type))
  const { width, height } = bitmap
  const scale = Math.min(1, THUMBNAIL_EDGE / Math.max(width, height))
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)))
  const context = canvas.getContext('2d')
  if (context === null) return null
  context.imageSmoothingQuality = 'high'
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  bitmap.close()
  for (const quality of QUALITIES) {
    const made = await encoded(canvas, context, quality)
    if (made.size <= THUMBNAIL_BYTES) return padThumbnail(new Uint8Array(await made.arrayBuffer()))
  }
  return null
}

/** WebP, or JPEG on white where this browser writes no WebP. */
async function encoded(
  canvas: OffscreenCanvas,
  context: OffscreenCanvasRenderingContext2D,
  quality: number,
): Promise<Blob> {
  const webp = await canvas.convertToBlob({ type: 'image/webp', quality })
  if (webp.type === 'image/webp') return webp
  context.globalCompositeOperation = 'destination-over'
  context.fillStyle = 'white'
  context.fillRect(0, 0, canvas.width, canvas.height)
  return await canvas.convertToBlob({ type: 'image/jpeg', quality })
}
