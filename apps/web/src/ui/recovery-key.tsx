import { Download, Printer } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { TEXT } from '../strings.ts'
import { Button, Field } from './controls.tsx'
import { CopyButton } from './copy-button.tsx'
import { saveText } from './save-text.ts'

interface ShowProps {
  readonly login: string
  readonly recoveryKey: string
  readonly onSaved: () => void
}

/** A recovery key, with ways to keep it. */
export function ShowRecoveryKey({ login, recoveryKey, onSaved }: ShowProps) {
  return (
    <div className="ceremony">
      <ol className="recovery-key" aria-label={TEXT.recovery.label}>
        {groupsOf(recoveryKey).map(({ group, place }) => (
          <li key={place}>{group}</li>
        ))}
      </ol>
      <div className="recovery-actions">
        <CopyButton text={recoveryKey} />
        <Button onClick={() => saveText(TEXT.recovery.fileName, TEXT.recovery.fileText(login, recoveryKey))}>
          <Download size={17} />
          {TEXT.recovery.download}
        </Button>
        <Button onClick={() => print()}>
          <Printer size={17} />
          {TEXT.recovery.print}
        </Button>
      </div>
      <Button look="primary" wide onClick={onSaved}>
        {TEXT.recovery.saved}
      </Button>
      <pre className="print-sheet" aria-hidden="true">
        {TEXT.recovery.fileText(login, recoveryKey)}
      </pre>
    </div>
  )
}

interface TypeProps {
  readonly recoveryKey: string
  readonly onBack: () => void
  readonly onDone: () => void
}

/** Wants a recovery key typed back. */
export function TypeRecoveryKey({ recoveryKey, onBack, onDone }: TypeProps) {
  const [typed, setTyped] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (canonical(typed) !== canonical(recoveryKey)) {
      setError(TEXT.recovery.wrong)
      return
    }
    setBusy(true)
    onDone()
  }
  return (
    <form onSubmit={submit} className="ceremony">
      <RecoveryKeyField
        value={typed}
        error={error}
        autoFocus
        onChange={(text) => {
          setTyped(text)
          setError(null)
        }}
      />
      <Button type="submit" look="primary" wide disabled={busy}>
        {busy ? TEXT.auth.working : TEXT.recovery.finish}
      </Button>
      <Button look="quiet" wide disabled={busy} onClick={onBack}>
        {TEXT.recovery.back}
      </Button>
    </form>
  )
}

interface KeyFieldProps {
  readonly value: string
  readonly error: string | null
  readonly autoFocus?: boolean
  readonly onChange: (text: string) => void
}

export function RecoveryKeyField({ value, error, autoFocus = false, onChange }: KeyFieldProps) {
  return (
    <Field
      className="monospace"
      label={TEXT.recovery.label}
      autoComplete="off"
      autoCapitalize="characters"
      spellCheck={false}
      autoFocus={autoFocus}
      required
      value={value}
      error={error}
      onChange={(event) => onChange(event.target.value)}
    />
  )
}

/** The groups with their places: groups may repeat, and never move. */
function groupsOf(recoveryKey: string): { group: string; place: number }[] {
  return recoveryKey.split('-').map((group, place) => ({ group, place }))
}

/** As people type it: case, spaces and dashes do not count, look-alikes are one. */
function canonical(text: string): string {
  return text
    .toUpperCase()
    .replaceAll(/[\s\p{Pd}_.,]/gu, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
}
