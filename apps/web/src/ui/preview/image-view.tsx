import { useEffect, useState } from 'react'
import { imageHead } from '../../image-head.ts'
import { TEXT } from '../../strings.ts'
import type { ViewProps } from './preview-file.ts'
import { useBytes } from './use-bytes.ts'
import { Waiting } from './waiting.tsx'

/** Larger files are downloaded instead. */
const MOST_BYTES = 64 * 1024 * 1024
/** See [Note: Picture bombs]. */
const MOST_PIXELS = 100_000_000

/** A picture. The browser turns it as its EXIF data says. */
export function ImageView({ file, fallback }: ViewProps) {
  if (file.size > MOST_BYTES) return fallback(TEXT.preview.tooLarge)
  return <Loaded file={file} fallback={fallback} />
}

function Loaded({ file, fallback }: ViewProps) {
  const found = useBytes(file, MOST_BYTES)
  const [url, setUrl] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    if (found.state !== 'ready') return
    const head = imageHead(found.bytes)
    if (head === null) return setProblem(TEXT.preview.notShown)
    if ((head.width ?? 0) * (head.height ?? 0) > MOST_PIXELS) return setProblem(TEXT.preview.tooLarge)
    const made = URL.createObjectURL(new Blob([found.bytes], { type: head.type }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [found])
  if (found.state === 'failed') return fallback(found.text)
  if (problem !== null) return fallback(problem)
  if (url === null) return <Waiting />
  // Reason for taking the address back: an SVG that is opened by its address is a document of this origin.
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
