import { useEffect, useState } from 'react'
import { imageHead } from '../../image-head.ts'
import { TEXT } from '../../strings.ts'
import { DrawingView } from './drawing-view.tsx'
import type { ViewProps } from './preview-file.ts'
import { useBytes } from './use-bytes.ts'
import { Waiting } from './waiting.tsx'

/** Larger files are downloaded instead. */
const MOST_BYTES = 64 * 1024 * 1024
/** See [Note: Picture bombs]. */
const MOST_PIXELS = 100_000_000
const MOST_DRAWING_BYTES = 8 * 1024 * 1024

/** A picture. The browser turns it as its EXIF data says. */
export function ImageView({ file, fallback }: ViewProps) {
  if (file.size > MOST_BYTES) return fallback(TEXT.preview.tooLarge)
  return <Loaded file={file} fallback={fallback} />
}

function Loaded({ file, fallback }: ViewProps) {
  const found = useBytes(file, MOST_BYTES)
  const [url, setUrl] = useState<string | null>(null)
  const [drawing, setDrawing] = useState<Uint8Array<ArrayBuffer> | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    if (found.state !== 'ready') return
    const head = imageHead(found.bytes)
    if (head === null) return setProblem(TEXT.preview.notShown)
    if ((head.width ?? 0) * (head.height ?? 0) > MOST_PIXELS) return setProblem(TEXT.preview.tooLarge)
    if (head.type === 'image/svg+xml') {
      if (found.bytes.length > MOST_DRAWING_BYTES) return setProblem(TEXT.preview.tooLarge)
      return setDrawing(found.bytes)
    }
    const made = URL.createObjectURL(new Blob([found.bytes], { type: head.type }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [found])
  if (found.state === 'failed') return fallback(found.text)
  if (problem !== null) return fallback(problem)
  if (drawing !== null) return <DrawingView bytes={drawing} name={file.name} onProblem={setProblem} />
  if (url === null) return <Waiting />
  // What has the address of a picture could open it as a document of this origin: it is taken back at once.
  return (
    <img
      className="preview-image"
      src={url}
      alt={file.name}
      draggable={false}
      onLoad={() => URL.revokeObjectURL(url)}
      onError={() => setProblem(TEXT.preview.notShown)}
    />
  )
}
