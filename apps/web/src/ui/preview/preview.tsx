import { ChevronLeft, ChevronRight, Download, X } from 'lucide-react'
import { type KeyboardEvent, lazy, Suspense, useEffect, useRef } from 'react'
import { loadPart } from '../../bridge/load.ts'
import type { Row, Rows } from '../../bridge/rows.ts'
import { formatBytes, shownName } from '../../format.ts'
import { previewKind } from '../../preview-kind.ts'
import { TEXT } from '../../strings.ts'
import { useBackCloses } from '../back-closes.ts'
import { IconButton } from '../controls.tsx'
import { FileIcon } from '../file-icon.tsx'
import { ImageView } from './image-view.tsx'
import { MediaView } from './media-view.tsx'
import { NoPreview } from './no-preview.tsx'
import { TextView } from './text-view.tsx'
import { Waiting } from './waiting.tsx'

// Reason: many never look at a PDF here.
const PdfView = lazy(async () => ({ default: (await loadPart(() => import('./pdf-view.tsx'))).PdfView }))

/** What is shown: a file, or an older version of it. */
export interface Previewed {
  readonly row: Row
  /** Hex id and size of an older version. */
  readonly version: { readonly id: string; readonly size: number } | null
}

interface PreviewProps {
  readonly shown: Previewed
  /** The list that arrow keys go through. */
  readonly rows: Rows
  readonly onShow: (row: Row) => void
  readonly onDownload: (shown: Previewed) => void
  readonly onClose: () => void
}

/** A file over the whole page. */
export function Preview({ shown, rows, onShow, onDownload, onClose }: PreviewProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const { row, version } = shown
  useBackCloses(() => dialog.current?.close())
  useEffect(() => {
    dialog.current?.showModal()
    dialog.current?.focus()
  }, [])
  const before = version === null ? neighbour(rows, row, -1) : null
  const after = version === null ? neighbour(rows, row, 1) : null
  const act = (key: string): void => {
    if (key === 'ArrowLeft' && before !== null) onShow(before)
    if (key === 'ArrowRight' && after !== null) onShow(after)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    // Players take the arrows themselves.
    if (!(event.target instanceof HTMLMediaElement)) act(event.key)
  }
  const onFrameKey = (key: string): void => {
    if (key === 'Escape') dialog.current?.close()
    else act(key)
  }
  return (
    <dialog
      ref={dialog}
      className="preview"
      aria-label={shownName(row.name)}
      tabIndex={-1}
      onClose={onClose}
      onKeyDown={onKeyDown}
    >
      <header className="preview-head">
        <FileIcon row={row} />
        <h2>
          <bdi>{shownName(row.name)}</bdi>
        </h2>
        <span className="preview-size">{formatBytes(version?.size ?? row.size)}</span>
        {version !== null && <span className="badge">{TEXT.preview.older}</span>}
        <IconButton label={TEXT.files.download} onClick={() => onDownload(shown)}>
          <Download size={19} />
        </IconButton>
        <IconButton label={TEXT.dialog.close} onClick={() => dialog.current?.close()}>
          <X size={21} />
        </IconButton>
      </header>
      <div className="preview-body">
        <Content
          key={`${row.id} ${version?.id}`}
          shown={shown}
          onDownload={() => onDownload(shown)}
          onKey={onFrameKey}
        />
      </div>
      {before !== null && (
        <IconButton className="preview-step preview-before" label={TEXT.preview.before} onClick={() => onShow(before)}>
          <ChevronLeft size={26} />
        </IconButton>
      )}
      {after !== null && (
        <IconButton className="preview-step preview-after" label={TEXT.preview.after} onClick={() => onShow(after)}>
          <ChevronRight size={26} />
        </IconButton>
      )}
    </dialog>
  )
}

interface ContentProps {
  readonly shown: Previewed
  readonly onDownload: () => void
  /** Pressed in a frame. */
  readonly onKey: (key: string) => void
}

function Content({ shown, onDownload, onKey }: ContentProps) {
  const { row, version } = shown
  const file = { path: row.path, name: row.name, size: version?.size ?? row.size, version: version?.id ?? null }
  const kind = previewKind(row.name)
  const fallback = (text: string) => <NoPreview name={row.name} text={text} onDownload={onDownload} />
  if (kind === 'image') return <ImageView file={file} fallback={fallback} />
  if (kind === 'text') return <TextView file={file} fallback={fallback} />
  if (kind === 'video' || kind === 'audio') return <MediaView file={file} kind={kind} fallback={fallback} />
  if (kind === 'pdf') {
    return (
      <Suspense fallback={<Waiting />}>
        <PdfView file={file} fallback={fallback} onKey={onKey} />
      </Suspense>
    )
  }
  return fallback(TEXT.preview.none)
}

/** The next file in the list, folders skipped. */
function neighbour(rows: Rows, row: Row, step: 1 | -1): Row | null {
  let index = row.index + step
  for (; index >= 0 && index < rows.count; index += step) {
    const found = rows.at(index)
    if (found.kind === 'file') return found
  }
  return null
}
