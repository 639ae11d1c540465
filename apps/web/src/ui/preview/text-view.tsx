import { TEXT } from '../../strings.ts'
import type { ViewProps } from './preview-file.ts'
import { useBytes } from './use-bytes.ts'
import { Waiting } from './waiting.tsx'

const MOST_BYTES = 512 * 1024

/** The beginning of a text, as plain text whatever it is. */
export function TextView({ file, fallback }: ViewProps) {
  const found = useBytes(file, MOST_BYTES)
  if (found.state === 'failed') return fallback(found.text)
  if (found.state === 'loading') return <Waiting />
  if (found.bytes.subarray(0, 4096).includes(0)) return fallback(TEXT.preview.notShown)
  return (
    <div className="preview-text">
      {/* The text is scrolled by the keyboard too. */}
      <pre tabIndex={0}>{new TextDecoder().decode(found.bytes)}</pre>
      {file.size > MOST_BYTES && <p className="field-hint">{TEXT.preview.cut}</p>}
    </div>
  )
}
