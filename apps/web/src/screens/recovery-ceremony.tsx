import { Check, Copy, Download, Printer } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { TEXT } from '../strings.ts'
import { Button, Field } from '../ui/controls.tsx'
import { AuthLayout } from './auth-layout.tsx'

interface CeremonyProps {
  readonly login: string
  readonly recoveryKey: string
  readonly onDone: () => void
}

/** Shows the recovery key once and wants it typed back. */
export function RecoveryCeremony({ login, recoveryKey, onDone }: CeremonyProps) {
  const [step, setStep] = useState<'show' | 'type'>('show')
  return step === 'show' ? (
    <ShowKey login={login} recoveryKey={recoveryKey} onSaved={() => setStep('type')} />
  ) : (
    <TypeKey recoveryKey={recoveryKey} onBack={() => setStep('show')} onDone={onDone} />
  )
}

function ShowKey({ login, recoveryKey, onSaved }: { login: string; recoveryKey: string; onSaved: () => void }) {
  const [copied, setCopied] = useState(false)
  return (
    <AuthLayout title={TEXT.recovery.title} lead={TEXT.recovery.why}>
      <ol className="recovery-key" aria-label={TEXT.recovery.label}>
        {groupsOf(recoveryKey).map(({ group, place }) => (
          <li key={place}>{group}</li>
        ))}
      </ol>
      <div className="recovery-actions">
        <Button
          onClick={() => {
            void navigator.clipboard.writeText(recoveryKey).then(() => setCopied(true))
          }}
        >
          {copied ? <Check size={17} /> : <Copy size={17} />}
          {copied ? TEXT.recovery.copied : TEXT.recovery.copy}
        </Button>
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
    </AuthLayout>
  )
}

function TypeKey({ recoveryKey, onBack, onDone }: { recoveryKey: string; onBack: () => void; onDone: () => void }) {
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
    <AuthLayout title={TEXT.recovery.typeTitle} lead={TEXT.recovery.typeWhy}>
      <form onSubmit={submit}>
        <Field
          className="monospace"
          label={TEXT.recovery.label}
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          autoFocus
          required
          value={typed}
          error={error}
          onChange={(event) => {
            setTyped(event.target.value)
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
    </AuthLayout>
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

function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
