import { Check, ChevronDown, ChevronUp, Pause, Play, RotateCw, X } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { formatBytes, formatDuration } from '../format.ts'
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
import { useVault } from '../state/vault.tsx'
import { failureText, TEXT } from '../strings.ts'
import { Button, IconButton } from './controls.tsx'
import { FileIcon } from './file-icon.tsx'
import { ProgressBar } from './progress-bar.tsx'

/** Rows that are drawn; what is under way comes first. */
const MOST_ROWS = 200

/** What is being uploaded, in a corner of every screen. */
export function TransfersPanel() {
  const all = useObservable(transfers)
  const { vault } = useVault()
  const [open, setOpen] = useState(true)
  const sums = useMemo(() => summarise(all), [all])
  const speed = useSpeed(sums.sent, sums.left > 0)
  useCloseWarning(sums.left > 0 || sums.paused > 0)
  if (all.length === 0) return null
  const title =
    sums.left > 0
      ? TEXT.transfers.running(sums.left)
      : sums.failed > 0
        ? TEXT.transfers.someFailed(sums.failed)
        : sums.paused > 0
          ? TEXT.transfers.paused(sums.paused)
          : TEXT.transfers.done(sums.done)
  return (
    <section className="transfers" aria-label={TEXT.transfers.title}>
      <header className="transfers-head">
        <h2 role="status">{title}</h2>
        <IconButton
          label={open ? TEXT.transfers.collapse : TEXT.transfers.expand}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? <ChevronDown size={19} /> : <ChevronUp size={19} />}
        </IconButton>
        {sums.left === 0 && sums.paused === 0 && (
          <IconButton label={TEXT.transfers.close} onClick={clearFinished}>
            <X size={19} />
          </IconButton>
        )}
      </header>
      {sums.left > 0 && (
        <div className="transfers-total">
          <ProgressBar value={sums.total === 0 ? 0 : sums.sent / sums.total} label={title} />
          <p>
            {formatBytes(sums.sent)} / {formatBytes(sums.total)}
            {speed > 0 && ` · ${formatBytes(speed)}/s · `}
            {speed > 0 && TEXT.transfers.left(formatDuration((sums.total - sums.sent) / speed))}
          </p>
        </div>
      )}
      {open && (
        <>
          <ul className="transfers-list">
            {sums.ordered.slice(0, MOST_ROWS).map((transfer) => (
              <TransferRow key={transfer.id} transfer={transfer} />
            ))}
          </ul>
          {(sums.left > 0 || sums.failed > 0) && (
            <footer className="transfers-foot">
              {sums.failed > 0 && (
                <Button look="quiet" onClick={() => resumeUploads(vault, withState(all, 'failed'))}>
                  <RotateCw size={16} />
                  {TEXT.transfers.retry}
                </Button>
              )}
              {sums.left > 0 && (
                <Button look="quiet" onClick={() => cancelUploads(vault, all.filter(isUnfinished))}>
                  {sums.left === 1 ? TEXT.transfers.cancel : TEXT.transfers.cancelAll}
                </Button>
              )}
            </footer>
          )}
        </>
      )}
    </section>
  )
}

function TransferRow({ transfer }: { transfer: Transfer }) {
  const { vault } = useVault()
  return (
    <li className="transfer">
      <FileIcon row={{ kind: 'file', name: transfer.name }} />
      <div className="transfer-text">
        <span className="transfer-name" title={transfer.name}>
          <bdi>{transfer.name}</bdi>
        </span>
        {transfer.state === 'running' && transfer.size > 0 ? (
          <ProgressBar value={transfer.sentBytes / transfer.size} label={transfer.name} />
        ) : (
          <span className={`transfer-state ${transfer.state === 'failed' ? 'failed' : ''}`}>{stateText(transfer)}</span>
        )}
      </div>
      {transfer.state === 'done' && <Check size={18} className="transfer-done" aria-hidden="true" />}
      {isUnfinished(transfer) && (
        <IconButton label={TEXT.transfers.pause} onClick={() => pauseUploads(vault, [transfer])}>
          <Pause size={17} />
        </IconButton>
      )}
      {(transfer.state === 'paused' || transfer.state === 'failed') && (
        <IconButton label={TEXT.transfers.resume} onClick={() => resumeUploads(vault, [transfer])}>
          {transfer.state === 'paused' ? <Play size={17} /> : <RotateCw size={17} />}
        </IconButton>
      )}
      {(isUnfinished(transfer) || transfer.state === 'paused') && (
        <IconButton label={TEXT.transfers.cancel} onClick={() => cancelUploads(vault, [transfer])}>
          <X size={17} />
        </IconButton>
      )}
    </li>
  )
}

function stateText(transfer: Transfer): string {
  if (transfer.state === 'failed') return failureText({ code: transfer.error ?? 'internal' })
  if (transfer.state === 'done' || transfer.state === 'running') return formatBytes(transfer.size)
  return TEXT.transfers.states[transfer.state]
}

function withState(all: readonly Transfer[], state: Transfer['state']): Transfer[] {
  return all.filter((transfer) => transfer.state === state)
}

const RANK = { running: 0, offline: 1, failed: 1, paused: 2, waiting: 3, done: 4, skipped: 4, cancelled: 4 } as const

function summarise(all: readonly Transfer[]) {
  const counted = all.filter((transfer) => transfer.state !== 'cancelled' && transfer.state !== 'skipped')
  return {
    left: all.filter(isUnfinished).length,
    failed: all.filter((transfer) => transfer.state === 'failed').length,
    paused: withState(all, 'paused').length,
    done: all.filter((transfer) => transfer.state === 'done').length,
    sent: counted.reduce((sum, transfer) => sum + transfer.sentBytes, 0),
    total: counted.reduce((sum, transfer) => sum + transfer.size, 0),
    ordered: [...all].sort((a, b) => RANK[a.state] - RANK[b.state]),
  }
}

const SPEED_MS = 1_000

/** Bytes a second over the last seconds; 0 until known. */
function useSpeed(sent: number, running: boolean): number {
  const [speed, setSpeed] = useState(0)
  const latest = useRef(sent)
  latest.current = sent
  useEffect(() => {
    if (!running) {
      setSpeed(0)
      return
    }
    let before = latest.current
    let smooth = 0
    const timer = setInterval(() => {
      const now = latest.current - before
      before = latest.current
      smooth = smooth === 0 ? now : smooth * 0.7 + now * 0.3
      setSpeed(Math.max(0, smooth))
    }, SPEED_MS)
    return () => clearInterval(timer)
  }, [running])
  return speed
}

/** Asks before a tab with uploads is closed. */
function useCloseWarning(wanted: boolean): void {
  useEffect(() => {
    if (!wanted) return
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [wanted])
}
