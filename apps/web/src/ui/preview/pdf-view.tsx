import { MoveHorizontal, ZoomIn, ZoomOut } from 'lucide-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { openPdf, PDF_FRAME, type PdfControls } from '../../bridge/pdf.ts'
import { useVault } from '../../state/vault.tsx'
import { failureText, TEXT } from '../../strings.ts'
import { IconButton } from '../controls.tsx'
import type { ViewProps } from './preview-file.ts'
import { Waiting } from './waiting.tsx'

const STEP = 1.25
/** The library takes as much memory as the file is long. */
const MOST_BYTES = 512 * 1024 * 1024

interface PdfViewProps extends ViewProps {
  /** Pressed in the frame. */
  readonly onKey: (key: string) => void
}

/** A PDF, drawn in a frame that can do nothing else; see [Note: PDF frame]. */
export function PdfView(props: PdfViewProps) {
  return props.file.size > MOST_BYTES ? props.fallback(TEXT.preview.pdf.tooLarge) : <Drawn {...props} />
}

function Drawn({ file, fallback, onKey }: PdfViewProps) {
  const { vault, stop } = useVault()
  const frame = useRef<HTMLIFrameElement>(null)
  const controls = useRef<PdfControls | null>(null)
  const latest = useRef(onKey)
  latest.current = onKey
  const [problem, setProblem] = useState<string | null>(null)
  const [pages, setPages] = useState<number | null>(null)
  const [at, setAt] = useState({ page: 1, scale: 1 })
  useEffect(() => () => controls.current?.close(), [])
  if (problem !== null) return fallback(problem)

  const begin = (): void => {
    const target = frame.current?.contentWindow
    if (target === null || target === undefined || controls.current !== null) return
    controls.current = openPdf(
      vault,
      target,
      { file, pageLabel: TEXT.preview.pdf.page },
      {
        onReady(count) {
          setPages(count)
          // Whoever has begun to use the buttons goes on with them.
          if (document.activeElement instanceof HTMLDialogElement) frame.current?.focus()
        },
        onMove: (page, scale) => setAt({ page, scale }),
        onKey: (key) => latest.current(key),
        onProblem: (why) => setProblem(TEXT.preview.pdf[why]),
        onFailure(failure) {
          stop(failure)
          setProblem(failureText(failure))
        },
      },
    )
  }
  const zoom = (factor: number | null): void => controls.current?.zoom(factor)
  return (
    <div className="preview-pdf">
      {pages === null ? (
        <Waiting />
      ) : (
        <div className="preview-pdf-bar" role="toolbar" aria-label={TEXT.preview.pdf.pages}>
          <PageField page={at.page} pages={pages} onShow={(page) => controls.current?.show(page)} />
          <IconButton label={TEXT.preview.pdf.zoomOut} onClick={() => zoom(1 / STEP)}>
            <ZoomOut size={19} />
          </IconButton>
          <span className="preview-pdf-scale">{Math.round(at.scale * 100)} %</span>
          <IconButton label={TEXT.preview.pdf.zoomIn} onClick={() => zoom(STEP)}>
            <ZoomIn size={19} />
          </IconButton>
          <IconButton label={TEXT.preview.pdf.fit} onClick={() => zoom(null)}>
            <MoveHorizontal size={19} />
          </IconButton>
        </div>
      )}
      <iframe ref={frame} title={file.name} sandbox="allow-scripts" src={PDF_FRAME} onLoad={begin} />
    </div>
  )
}

interface PageFieldProps {
  readonly page: number
  readonly pages: number
  readonly onShow: (page: number) => void
}

/** The page in front, and where another one is asked for. */
function PageField({ page, pages, onShow }: PageFieldProps) {
  const [typed, setTyped] = useState<string | null>(null)
  const go = (): void => {
    if (typed !== null && typed !== '') onShow(Number(typed))
    setTyped(null)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    // The arrows belong to the field here, not to the list of files.
    event.stopPropagation()
    if (event.key === 'Enter') go()
  }
  return (
    <label className="preview-pdf-page">
      <span className="visually-hidden">{TEXT.preview.pdf.page}</span>
      <input
        inputMode="numeric"
        size={Math.max(2, String(pages).length)}
        value={typed ?? String(page)}
        onChange={({ target }) => setTyped(target.value.replaceAll(/\D/g, '').slice(0, 7))}
        onFocus={({ target }) => target.select()}
        onBlur={go}
        onKeyDown={onKeyDown}
      />
      <span>{TEXT.preview.pdf.of(pages)}</span>
    </label>
  )
}
