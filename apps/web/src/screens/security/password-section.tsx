import { useState } from 'react'
import { showToast } from '../../state/toasts.ts'
import { explainWithPassword, useSubmit } from '../../state/use-submit.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button, PasswordField } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { isUsable, NewPasswordFields, NO_PASSWORD } from '../../ui/new-password.tsx'
import { Notice } from '../../ui/notice.tsx'
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
  const change = async (): Promise<boolean> => {
    setTried(true)
    if (!isUsable(next)) return false
    await vault.changePassword({ current, next: next.first })
    showToast(TEXT.security.changed)
    touch()
    onClose()
    return true
  }
  const { busy, error, submit } = useSubmit(change, { explain: explainWithPassword })
  return (
    <Dialog title={TEXT.security.changePassword} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <Notice text={error} />
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
