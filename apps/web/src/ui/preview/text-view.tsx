import { type CSSProperties, useMemo } from 'react'
import { TEXT } from '../../strings.ts'
import type { ViewProps } from './preview-file.ts'
import { textBlocks } from './text-blocks.ts'
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
      <pre tabIndex={0}>
        <Blocks bytes={found.bytes} />
      </pre>
      {file.size > MOST_BYTES && <p className="field-hint">{TEXT.preview.cut}</p>}
    </div>
  )
}

/** See [Note: Texts that take for ever]. */
function Blocks({ bytes }: { bytes: Uint8Array }) {
  const blocks = useMemo(() => textBlocks(new TextDecoder().decode(bytes)), [bytes])
  return blocks.map(({ at, text, lines }) => (
    // Reason for the cast: the DOM types know no custom properties.
    <span key={at} className="preview-block" style={{ '--lines': lines } as CSSProperties}>
      {text}
    </span>
  ))
}
