import { type FormEvent, useState } from 'react'
import { asFailure } from '../../bridge/connect.ts'
import { showToast } from '../../state/toasts.ts'
import { useVault } from '../../state/vault.tsx'
import { failureText, TEXT } from '../../strings.ts'
import { Button, PasswordField } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { isUsable, NewPasswordFields, NO_PASSWORD } from '../../ui/new-password.tsx'
import { Section } from './section.tsx'

export function PasswordSection() {
  const [open, setOpen] = useState(false)
  return (
    <Section title={TEXT.security.password} text={TEXT.security.passwordText}>
      <Button onClick={() => setOpen(true)}>{TEXT.security.changePassword}</Button>
      {open && <ChangePassword onClose={() => setOpen(false)} />}
    </Section>
  )
}

function ChangePassword({ onClose }: { onClose: () => void }) {
  const { vault, account, touch } = useVault()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState(NO_PASSWORD)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setTried(true)
    if (!isUsable(next)) return
    setBusy(true)
    setError(null)
    try {
      await vault.changePassword({ current, next: next.first })
      showToast(TEXT.security.changed)
      touch()
      onClose()
    } catch (cause) {
      setError(failureText(wrongPassword(asFailure(cause))))
      setBusy(false)
    }
  }
  return (
    <Dialog title={TEXT.security.changePassword} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        {error !== null && (
          <p className="notice" role="alert">
            {error}
          </p>
        )}
        <PasswordField
          label={TEXT.security.currentPassword}
          autoComplete="current-password"
          autoFocus
          required
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
        />
        <NewPasswordFields
          label={TEXT.recovery.newPassword}
          login={account.login}
          value={next}
          onChange={setNext}
          tried={tried}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
          <Button type="submit" look="primary" disabled={busy}>
            {busy ? TEXT.auth.working : TEXT.security.changePassword}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Inside a session a login that fails can only mean the password. */
export function wrongPassword(failure: ReturnType<typeof asFailure>): ReturnType<typeof asFailure> {
  const isLogin = failure.code === 'authentication' && [undefined, 'login_failed'].includes(answerOf(failure))
  return isLogin ? { code: 'authentication', details: { ...failure.details, reason: 'password_wrong' } } : failure
}

function answerOf({ details }: ReturnType<typeof asFailure>): string | undefined {
  return details.answer === undefined ? undefined : String(details.answer)
}
