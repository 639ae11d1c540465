import { ChevronDown, ChevronUp, Pause, Play, RotateCw, X } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { formatBytes, formatDuration } from '../format.ts'
import { connection } from '../state/connection.ts'
import { clearDownloads, type Download, downloads } from '../state/downloads.ts'
import { useObservable } from '../state/observable.ts'
import {
  cancelUploads,
  clearFinished,
  isUnfinished,
  pauseUploads,
  resumeUploads,
  type Transfer,
  transfers,
} from '../state/transfers.ts'
import { useSpeed } from '../state/use-speed.ts'
import { useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { Button, IconButton } from './controls.tsx'
import { ProgressBar } from './progress-bar.tsx'
import { DownloadRow, UploadRow } from './transfer-rows.tsx'

/** Rows that are drawn; what is under way comes first. */
const MOST_ROWS = 200

/** What is being uploaded and downloaded, in a corner of every screen. */
export function TransfersPanel() {
  const uploads = useObservable(transfers)
  const down = useObservable(downloads)
  const { vault } = useVault()
  const [open, setOpen] = useState(true)
  const sums = useMemo(() => summarise(uploads), [uploads])
  const downloading = down.filter(({ state }) => state === 'running').length
  const isOffline = useObservable(connection) === 'offline'
  const speed = useSpeed(sums.sent, sums.left > 0 && !isOffline)
  useCloseWarning(sums.left > 0 || sums.paused > 0 || downloading > 0)
  if (uploads.length === 0 && down.length === 0) return null
  const isBusy = sums.left > 0 || downloading > 0
  const title = isBusy && isOffline ? TEXT.transfers.states.offline : titleOf(sums, down)
  return (
    <section className="transfers" aria-label={TEXT.transfers.title}>
      <header className="transfers-head">
        <h2>
          <span role="status">{title}</span>
        </h2>
        <IconButton
          label={open ? TEXT.transfers.collapse : TEXT.transfers.expand}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? <ChevronDown size={19} /> : <ChevronUp size={19} />}
        </IconButton>
        {!isBusy && sums.paused === 0 && (
          <IconButton
            label={TEXT.transfers.close}
            onClick={() => {
              clearFinished()
              clearDownloads()
            }}
          >
            <X size={19} />
          </IconButton>
        )}
      </header>
      {sums.left > 0 && (
        <div className="transfers-total">
          <ProgressBar value={sums.total === 0 ? 0 : sums.sent / sums.total} label={title} />
          <p>
            {TEXT.transfers.of(formatBytes(sums.sent), formatBytes(sums.total))}
            {speed > 0 &&
              ` · ${TEXT.transfers.speed(formatBytes(speed))} · ${TEXT.transfers.left(formatDuration((sums.total - sums.sent) / speed))}`}
          </p>
        </div>
      )}
      {open && (
        <>
          <ul className="transfers-list">
            {down.map((download) => (
              <DownloadRow key={download.id} download={download} />
            ))}
            {sums.ordered.slice(0, MOST_ROWS).map((transfer) => (
              <UploadRow key={transfer.id} transfer={transfer} />
            ))}
            {sums.ordered.length > MOST_ROWS && (
              <li className="transfers-more">{TEXT.transfers.more(sums.ordered.length - MOST_ROWS)}</li>
            )}
          </ul>
          <Foot
            uploads={uploads}
            sums={sums}
            vault={vault}
            isBusy={isBusy}
            hasOver={sums.over > 0 || down.length > downloading}
          />
        </>
      )}
    </section>
  )
}

interface FootProps {
  readonly uploads: readonly Transfer[]
  readonly sums: Sums
  readonly vault: ReturnType<typeof useVault>['vault']
  readonly isBusy: boolean
  readonly hasOver: boolean
}

/** What concerns all transfers at once; nothing where there is nothing to do. */
function Foot({ uploads, sums, vault, isBusy, hasOver }: FootProps) {
  const clear = isBusy && hasOver
  if (sums.left < 2 && sums.failed < 2 && sums.paused < 2 && !clear) return null
  return (
    <footer className="transfers-foot">
      {clear && (
        <Button
          look="quiet"
          onClick={() => {
            clearFinished()
            clearDownloads()
          }}
        >
          {TEXT.transfers.clear}
        </Button>
      )}
      {sums.failed > 1 && (
        <Button look="quiet" onClick={() => resumeUploads(vault, withState(uploads, 'failed'))}>
          <RotateCw size={16} />
          {TEXT.transfers.retry}
        </Button>
      )}
      {sums.paused > 1 && sums.left === 0 && (
        <Button look="quiet" onClick={() => resumeUploads(vault, withState(uploads, 'paused'))}>
          <Play size={16} />
          {TEXT.transfers.resumeAll}
        </Button>
      )}
      {sums.left > 1 && (
        <Button look="quiet" onClick={() => pauseUploads(vault, uploads.filter(isUnfinished))}>
          <Pause size={16} />
          {TEXT.transfers.pauseAll}
        </Button>
      )}
      {sums.left > 1 && (
        <Button look="quiet" onClick={() => cancelUploads(vault, uploads.filter(isUnfinished))}>
          {TEXT.transfers.cancelAll}
        </Button>
      )}
    </footer>
  )
}

function titleOf(sums: Sums, down: readonly Download[]): string {
  const count = (state: Download['state']): number => down.filter((download) => download.state === state).length
  const [downloading, failed, downloaded] = [count('running'), count('failed'), count('done')]
  if (sums.left > 0) return TEXT.transfers.running(sums.left)
  if (downloading > 0) return TEXT.transfers.downloading(downloading)
  if (sums.failed > 0) return TEXT.transfers.someFailed(sums.failed)
  if (failed > 0) return TEXT.transfers.downloadsFailed(failed)
  if (sums.paused > 0) return TEXT.transfers.paused(sums.paused)
  if (sums.done > 0) return TEXT.transfers.done(sums.done)
  return downloaded > 0 ? TEXT.transfers.downloaded(downloaded) : TEXT.transfers.nothing
}

function withState(all: readonly Transfer[], state: Transfer['state']): Transfer[] {
  return all.filter((transfer) => transfer.state === state)
}

const RANK = { running: 0, offline: 1, failed: 1, paused: 2, waiting: 3, done: 4, skipped: 4, cancelled: 4 } as const

type Sums = ReturnType<typeof summarise>

function summarise(all: readonly Transfer[]) {
  const counted = all.filter((transfer) => transfer.state !== 'cancelled' && transfer.state !== 'skipped')
  const sums = {
    left: all.filter(isUnfinished).length,
    failed: withState(all, 'failed').length,
    paused: withState(all, 'paused').length,
    done: withState(all, 'done').length,
    over: 0,
    sent: counted.reduce((sum, transfer) => sum + transfer.sentBytes, 0),
    total: counted.reduce((sum, transfer) => sum + transfer.size, 0),
    ordered: [...all].sort((a, b) => RANK[a.state] - RANK[b.state]),
  }
  sums.over = all.length - sums.left - sums.failed - sums.paused
  return sums
}

/** Asks before a tab with transfers is closed. */
function useCloseWarning(wanted: boolean): void {
  useEffect(() => {
    if (!wanted) return
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [wanted])
}
