import { EyeOff, RefreshCw, Server, UserRound } from 'lucide-react'
import { type ReactNode, useCallback, useEffect, useState } from 'react'
import { asFailure } from '../bridge/connect.ts'
import type { Row } from '../bridge/rows.ts'
import { formatBytes, formatFullTime, shownName } from '../format.ts'
import { useVault } from '../state/vault.tsx'
import { failureText, TEXT } from '../strings.ts'
import type { ServerFile } from '../worker/vault-api.ts'
import { Button } from './controls.tsx'
import { Dialog } from './dialog.tsx'
import { typeOf } from './file-type.ts'
import { hexDump } from './hex-dump.ts'
import { Notice } from './notice.tsx'

interface ServerViewProps {
  readonly row: Row
  readonly onClose: () => void
}

interface Both {
  readonly server: ServerFile
  /** How the content begins. */
  readonly own: Uint8Array
}

const SHOWN_BYTES = 256

/** A file as its user sees it, beside what the server has of it; both are fetched when this is opened. */
export function ServerViewDialog({ row, onClose }: ServerViewProps) {
  const { vault, stop } = useVault()
  const [both, setBoth] = useState<Both | null>(null)
  const [error, setError] = useState<string | null>(null)
  const load = useCallback(async () => {
    setBoth(null)
    setError(null)
    const range = { path: row.path, version: null, offset: 0, length: Math.min(SHOWN_BYTES, row.size) }
    try {
      const [server, own] = await Promise.all([vault.serverView(row.path), vault.bytes(range)])
      setBoth({ server, own })
    } catch (cause) {
      const failure = asFailure(cause)
      stop(failure)
      setError(failureText(failure))
    }
  }, [vault, stop, row.path, row.size])
  useEffect(() => void load(), [load])
  const unknown = <em className="unseen">{TEXT.serverView.unknown}</em>
  return (
    <Dialog title={TEXT.serverView.title} onClose={onClose} wide>
      <p>{TEXT.serverView.text}</p>
      <Notice text={error} />
      <div className="server-view" aria-busy={both === null}>
        <Side icon={<UserRound size={18} aria-hidden="true" />} title={TEXT.serverView.you}>
          <Line name={TEXT.files.name}>
            <bdi>{shownName(row.name)}</bdi>
          </Line>
          <Line name={TEXT.files.location}>
            <bdi>{shownName(row.path)}</bdi>
          </Line>
          <Line name={TEXT.details.type}>{typeOf(row)}</Line>
          <Line name={TEXT.files.size}>{TEXT.details.bytes(formatBytes(row.size), row.size)}</Line>
          <Line name={TEXT.files.modified}>{formatFullTime(row.timeMs)}</Line>
          <Dump title={TEXT.serverView.content} bytes={both?.own ?? null} />
        </Side>
        <Side icon={<Server size={18} aria-hidden="true" />} title={TEXT.serverView.server}>
          <Line name={TEXT.files.name}>{unknown}</Line>
          <Line name={TEXT.files.location}>{unknown}</Line>
          <Line name={TEXT.details.type}>{unknown}</Line>
          <Line name={TEXT.files.size}>
            {both === null ? '…' : TEXT.serverView.padded(both.server.blobLength.toLocaleString())}
          </Line>
          <Line name={TEXT.files.modified}>{unknown}</Line>
          <Dump title={TEXT.serverView.stored} bytes={both?.server.storedBytes ?? null} />
        </Side>
      </div>
      {both !== null && (
        <dl className="server-record">
          <Line name={TEXT.serverView.blob}>{both.server.blobId}</Line>
          <Line name={TEXT.serverView.vault}>{both.server.vaultId}</Line>
          <Line name={TEXT.serverView.key(both.server.epoch)}>{both.server.wrappedKey}</Line>
          <Line name={TEXT.serverView.digests(both.server.digests.length)}>{both.server.digests[0] ?? '–'}</Line>
        </dl>
      )}
      <p className="field-hint">{TEXT.serverView.also}</p>
      <div className="dialog-actions">
        <Button onClick={() => void load()}>
          <RefreshCw size={17} />
          {TEXT.serverView.again}
        </Button>
      </div>
    </Dialog>
  )
}

function Side({ icon, title, children }: { icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <section className="server-side" aria-label={title}>
      <h3>
        {icon}
        {title}
      </h3>
      <dl>{children}</dl>
    </section>
  )
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Dump({ title, bytes }: { title: string; bytes: Uint8Array | null }) {
  return (
    <div className="dump">
      <dt>{title}</dt>
      <dd>
        {bytes === null ? (
          '…'
        ) : bytes.length === 0 ? (
          <EyeOff size={16} aria-label={TEXT.serverView.nothing} />
        ) : (
          <code>{hexDump(bytes)}</code>
        )}
      </dd>
    </div>
  )
}
