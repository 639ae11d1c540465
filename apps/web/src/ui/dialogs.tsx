import { type FormEvent, useState } from 'react'
import { useExplanation } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { nameFault, typedName } from '../typed-name.ts'
import { Button, Field } from './controls.tsx'
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
  const explain = useExplanation()
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    const typed = typedName(name)
    const fault = nameFault(typed)
    if (fault !== null) {
      setError(fault)
      return
    }
    setBusy(true)
    try {
      await onName(typed)
      onClose()
    } catch (cause) {
      setError(explain(cause))
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
  /** Default `danger`: there is no way back. */
  readonly look?: 'danger' | 'primary'
  readonly onClose: () => void
  readonly onConfirm: () => void
}

export function ConfirmDialog({ title, text, action, look = 'danger', onClose, onConfirm }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <div className="dialog-actions">
        <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
        <Button
          look={look}
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

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={TEXT.shortcuts.title} onClose={onClose} wide>
      <div className="shortcut-groups">
        {TEXT.shortcuts.groups.map(({ title, rows }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl className="shortcuts">
              {rows.map(([keys, text]) => (
                <div key={keys}>
                  <dt>
                    {keys.split(' ').map((key) => (key === '+' || key === 'or' ? key : <kbd key={key}>{key}</kbd>))}
                  </dt>
                  <dd>{text}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
