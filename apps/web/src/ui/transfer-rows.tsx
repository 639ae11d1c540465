import { Check, Download as DownloadIcon, Pause, Play, RotateCw, X } from 'lucide-react'
import type { ReactNode } from 'react'
import { nameOf, parentOf } from '../bridge/rows.ts'
import { formatBytes, formatDuration, shownName } from '../format.ts'
import { connection } from '../state/connection.ts'
import { cancelDownload, type Download, retryDownload } from '../state/downloads.ts'
import { useObservable } from '../state/observable.ts'
import { cancelUploads, isUnfinished, pauseUploads, resumeUploads, type Transfer } from '../state/transfers.ts'
import { useSpeed } from '../state/use-speed.ts'
import { useAction, useVault } from '../state/vault.tsx'
import { failureText, TEXT } from '../strings.ts'
import { IconButton } from './controls.tsx'
import { FileIcon } from './file-icon.tsx'
import { ProgressBar } from './progress-bar.tsx'

export function UploadRow({ transfer }: { transfer: Transfer }) {
  const { vault } = useVault()
  const { state, sentBytes, size } = transfer
  const isRunning = state === 'running' && size > 0
  return (
    <Row
      name={transfer.name}
      icon={<FileIcon row={{ kind: 'file', name: transfer.name }} />}
      progress={isRunning ? sentBytes / size : null}
      failed={state === 'failed'}
      done={state === 'done'}
      text={isRunning ? <Running taken={sentBytes} size={size} /> : stateText(transfer)}
    >
      {isUnfinished(transfer) && (
        <IconButton label={TEXT.transfers.pause} onClick={() => pauseUploads(vault, [transfer])}>
          <Pause size={17} />
        </IconButton>
      )}
      {(state === 'paused' || (state === 'failed' && transfer.error !== 'source_changed')) && (
        <IconButton
          label={state === 'paused' ? TEXT.transfers.resume : TEXT.transfers.retry}
          onClick={() => resumeUploads(vault, [transfer])}
        >
          {state === 'paused' ? <Play size={17} /> : <RotateCw size={17} />}
        </IconButton>
      )}
      {(isUnfinished(transfer) || state === 'paused') && (
        <IconButton label={TEXT.transfers.cancel} onClick={() => cancelUploads(vault, [transfer])}>
          <X size={17} />
        </IconButton>
      )}
    </Row>
  )
}

export function DownloadRow({ download }: { download: Download }) {
  const { vault } = useVault()
  const act = useAction()
  const { state, size, takenBytes } = download
  const isRunning = state === 'running'
  const texts = {
    done: TEXT.transfers.saved(formatBytes(takenBytes)),
    failed: download.failure === null ? TEXT.transfers.downloadFailed : failureText(download.failure),
    cancelled: TEXT.transfers.states.cancelled,
  }
  return (
    <Row
      name={download.name}
      icon={<DownloadIcon size={20} className="file-icon" aria-hidden="true" />}
      progress={isRunning && size !== null && size > 0 ? takenBytes / size : null}
      failed={state === 'failed'}
      done={state === 'done'}
      text={isRunning ? <Running taken={takenBytes} size={size} /> : texts[state]}
    >
      {isRunning && (
        <IconButton label={TEXT.transfers.cancel} onClick={() => cancelDownload(download.id)}>
          <X size={17} />
        </IconButton>
      )}
      {(state === 'failed' || state === 'cancelled') && (
        <IconButton label={TEXT.transfers.retry} onClick={() => act(() => retryDownload(vault, download))}>
          <RotateCw size={17} />
        </IconButton>
      )}
    </Row>
  )
}

/** How far something is, how fast, and how long it will take. */
function Running({ taken, size }: { taken: number; size: number | null }) {
  const isOffline = useObservable(connection) === 'offline'
  const speed = useSpeed(taken, !isOffline)
  if (isOffline) return TEXT.transfers.states.offline
  const parts = [size === null ? formatBytes(taken) : TEXT.transfers.of(formatBytes(taken), formatBytes(size))]
  if (speed > 0) {
    parts.push(TEXT.transfers.speed(formatBytes(speed)))
    if (size !== null) parts.push(TEXT.transfers.left(formatDuration((size - taken) / speed)))
  }
  return parts.join(' · ')
}

interface RowProps {
  readonly name: string
  readonly icon: ReactNode
  /** 0 … 1, or null where there is no bar. */
  readonly progress: number | null
  readonly text: ReactNode
  readonly failed: boolean
  readonly done: boolean
  /** What can be done with it. */
  readonly children: ReactNode
}

function Row({ name, icon, progress, text, failed, done, children }: RowProps) {
  return (
    <li className="transfer">
      {icon}
      <div className="transfer-text">
        <span className="transfer-name" title={shownName(name)}>
          <bdi>{shownName(name)}</bdi>
        </span>
        {progress !== null && <ProgressBar value={progress} label={name} />}
        <span className={`transfer-state ${failed ? 'failed' : ''}`}>{text}</span>
      </div>
      {done && <Check size={18} className="transfer-done" aria-hidden="true" />}
      {children}
    </li>
  )
}

function stateText(transfer: Transfer): string {
  const folder = parentOf(transfer.path)
  const where = folder === '/' ? TEXT.files.root : shownName(nameOf(folder))
  if (transfer.state === 'failed') return failureText({ code: transfer.error ?? 'internal' })
  if (transfer.state === 'done') return TEXT.transfers.doneIn(formatBytes(transfer.size), where)
  if (transfer.state === 'running') return formatBytes(transfer.size)
  return TEXT.transfers.states[transfer.state]
}
