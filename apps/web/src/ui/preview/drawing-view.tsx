import { useEffect, useState } from 'react'
import { openDrawing } from '../../bridge/drawing.ts'
import { TEXT } from '../../strings.ts'
import { Waiting } from './waiting.tsx'

interface DrawingProps {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly name: string
  readonly onProblem: (text: string) => void
}

/** An SVG, apart from this page; see [Note: Drawings]. */
export function DrawingView({ bytes, name, onProblem }: DrawingProps) {
  const [url, setUrl] = useState<string | null>(null)
  useEffect(() => {
    let current = true
    openDrawing(bytes, TEXT.preview.notShown).then(
      (found) => {
        if (!current) return
        if (found === null) onProblem(TEXT.preview.none)
        else setUrl(found)
      },
      () => current && onProblem(TEXT.preview.notShown),
    )
    return () => {
      current = false
    }
  }, [bytes, onProblem])
  if (url === null) return <Waiting />
  // It takes neither clicks nor the focus: the keys of the page go on working.
  return <iframe className="preview-drawing" src={url} title={name} tabIndex={-1} />
}
