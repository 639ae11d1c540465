import * as Comlink from 'comlink'
import { useState } from 'react'
import { useQuestion } from '../../state/questions.ts'
import { showToast } from '../../state/toasts.ts'
import { explainWithPassword, useSubmit } from '../../state/use-submit.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button, PasswordField } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import type { ShowRecoveryKey } from '../../worker/vault-api.ts'
import { CeremonyDialog } from './ceremony-dialog.tsx'

interface NewRecoveryKeyProps {
  readonly title: string
  readonly text?: string
  /** Told when it is done. */
  readonly done: string
  /** Changes nothing before the new recovery key is kept. */
  readonly change: (password: string, onRecoveryKey: ShowRecoveryKey) => Promise<void>
  readonly onClose: () => void
}

/** A change that wants the password and makes a new recovery key. */
export function NewRecoveryKey({ title, text, done, change, onClose }: NewRecoveryKeyProps) {
  const { touch } = useVault()
  const [password, setPassword] = useState('')
  const ceremony = useQuestion<string, void>()
  const run = async (): Promise<void> => {
    await change(password, Comlink.proxy(ceremony.ask))
    showToast(done)
    touch()
    onClose()
  }
  const { busy, error, submit } = useSubmit(run, { explain: explainWithPassword, onFailure: ceremony.drop })
  if (ceremony.question !== null) return <CeremonyDialog question={ceremony.question} onClose={onClose} />
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        {text !== undefined && <p>{text}</p>}
        <PasswordField
          label={TEXT.security.currentPassword}
          autoComplete="current-password"
          autoFocus
          required
          value={password}
          error={error}
          onChange={(event) => setPassword(event.target.value)}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
          <Button type="submit" look="primary" disabled={busy}>
            {busy ? TEXT.auth.working : TEXT.auth.next}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
