import { ChevronRight, CornerLeftUp, Download, Folder, RotateCcw } from 'lucide-react'
import { type FormEvent, useEffect, useState } from 'react'
import { asFailure } from '../bridge/connect.ts'
import { nameOf, parentOf, type Row } from '../bridge/rows.ts'
import { formatBytes, formatFullTime } from '../format.ts'
import { useRows, useVault } from '../state/vault.tsx'
import { failureText, TEXT } from '../strings.ts'
import type { Conflict, VersionRow } from '../worker/vault-api.ts'
import { Button, Field, IconButton } from './controls.tsx'
import { Dialog } from './dialog.tsx'

interface NameDialogProps {
  readonly title: string
  readonly label: string
  readonly action: string
  readonly initial: string
  readonly onClose: () => void
  /** Rejects with a failure, which is shown. */
  readonly onName: (name: string) => Promise<void>
}

/** Asks for a name, and keeps asking while it cannot be used. */
export function NameDialog({ title, label, action, initial, onClose, onName }: NameDialogProps) {
  const [name, setName] = useState(initial)
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    if (name === '' || name === '.' || name === '..' || name.includes('/')) {
      setError(failureText({ code: 'usage' }))
      return
    }
    setBusy(true)
    try {
      await onName(name)
      onClose()
    } catch (cause) {
      setError(failureText(asFailure(cause)))
      setBusy(false)
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        <Field
          label={label}
          value={name}
          error={error}
          autoFocus
          autoComplete="off"
          spellCheck={false}
          required
          ref={selectOnce}
          onChange={(event) => {
            setName(event.target.value)
            setError(null)
          }}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
          <Button type="submit" look="primary" disabled={busy}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Selects a name without its ending, when its field appears. */
function selectOnce(input: HTMLInputElement | null): void {
  if (input === null) return
  const dot = input.value.lastIndexOf('.')
  input.setSelectionRange(0, dot > 0 ? dot : input.value.length)
}

interface ConfirmProps {
  readonly title: string
  readonly text: string
  readonly action: string
  readonly onClose: () => void
  readonly onConfirm: () => void
}

export function ConfirmDialog({ title, text, action, onClose, onConfirm }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <div className="dialog-actions">
        <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
        <Button
          look="danger"
          onClick={() => {
            onConfirm()
            onClose()
          }}
        >
          {action}
        </Button>
      </div>
    </Dialog>
  )
}

interface CollisionProps {
  readonly count: number
  readonly onClose: () => void
  readonly onChoose: (conflict: Conflict) => void
}

export function CollisionDialog({ count, onClose, onChoose }: CollisionProps) {
  const choose = (conflict: Conflict) => () => {
    onChoose(conflict)
    onClose()
  }
  return (
    <Dialog title={TEXT.collisions.title(count)} onClose={onClose}>
      <p>{TEXT.collisions.text}</p>
      <div className="dialog-actions">
        <Button onClick={choose('skip')}>{TEXT.collisions.skip}</Button>
        <Button onClick={choose('keep-both')}>{TEXT.collisions.both}</Button>
        <Button look="primary" onClick={choose('replace')}>
          {TEXT.collisions.replace}
        </Button>
      </div>
    </Dialog>
  )
}

const BY_NAME = { by: 'name', descending: false } as const

interface MoveProps {
  readonly from: string
  readonly moving: readonly Row[]
  readonly onClose: () => void
  readonly onMove: (folder: string) => void
}

/** Chooses a folder by walking to it. */
export function MoveDialog({ from, moving, onClose, onMove }: MoveProps) {
  const [at, setAt] = useState(from)
  const { rows } = useRows(`move:${at}`, (vault) => vault.folder(at, BY_NAME))
  const movingIds = new Set(moving.map((row) => row.id))
  const folders = Array.from({ length: rows.count }, (_, index) => rows.at(index)).filter(
    (row) => row.kind === 'folder' && !movingIds.has(row.id),
  )
  return (
    <Dialog title={TEXT.moveDialog.title} onClose={onClose}>
      <div className="picker-head">
        <IconButton label={TEXT.moveDialog.up} disabled={at === '/'} onClick={() => setAt(parentOf(at))}>
          <CornerLeftUp size={18} />
        </IconButton>
        <strong>
          <bdi>{at === '/' ? TEXT.files.root : nameOf(at)}</bdi>
        </strong>
      </div>
      <ul className="picker">
        {folders.map((row) => (
          <li key={row.id}>
            <button type="button" className="picker-row" onClick={() => setAt(row.path)}>
              <Folder size={19} className="folder-icon" aria-hidden="true" />
              <bdi>{row.name}</bdi>
              <ChevronRight size={17} aria-hidden="true" />
            </button>
          </li>
        ))}
        {folders.length === 0 && <li className="picker-empty">{TEXT.moveDialog.empty}</li>}
      </ul>
      <div className="dialog-actions">
        <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
        <Button
          look="primary"
          disabled={moving.every((row) => parentOf(row.path) === at)}
          onClick={() => {
            onMove(at)
            onClose()
          }}
        >
          {TEXT.moveDialog.move}
        </Button>
      </div>
    </Dialog>
  )
}

interface VersionsProps {
  readonly row: Row
  readonly onClose: () => void
  readonly onDownload: (versionId: string) => void
}

export function VersionsDialog({ row, onClose, onDownload }: VersionsProps) {
  const { vault, revision } = useVault()
  const [versions, setVersions] = useState<readonly VersionRow[]>([])
  const [error, setError] = useState<string | null>(null)
  useEffect(() => {
    vault.versions(row.path).then(setVersions, (cause: unknown) => setError(failureText(asFailure(cause))))
  }, [vault, row.path, revision])
  const restore = (versionId: string): void => {
    vault.restoreVersion(row.path, versionId).catch((cause: unknown) => setError(failureText(asFailure(cause))))
  }
  return (
    <Dialog title={`${TEXT.versions.title}: ${row.name}`} onClose={onClose}>
      {error !== null && <p className="notice">{error}</p>}
      <ul className="versions">
        {versions.map((version) => (
          <li key={version.versionId} className="version">
            <div>
              <strong>{formatFullTime(version.storedMs)}</strong>
              <p className="field-hint">{TEXT.versions.stored(formatBytes(version.size), version.deviceName)}</p>
            </div>
            {version.current ? (
              <span className="badge">{TEXT.versions.current}</span>
            ) : (
              <IconButton label={TEXT.versions.restore} onClick={() => restore(version.versionId)}>
                <RotateCcw size={18} />
              </IconButton>
            )}
            <IconButton label={TEXT.versions.download} onClick={() => onDownload(version.versionId)}>
              <Download size={18} />
            </IconButton>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={TEXT.shortcuts.title} onClose={onClose}>
      <dl className="shortcuts">
        {TEXT.shortcuts.rows.map(([keys, text]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
