import { useState } from 'react'
import { explainWithPassword, type Submit, useSubmit } from '../../state/use-submit.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button, PasswordField } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { isUsable, type NewPassword, NewPasswordFields, NO_PASSWORD } from '../../ui/new-password.tsx'
import { Notice } from '../../ui/notice.tsx'

/** The current password and a new one, as they are typed. */
export interface PasswordChange extends Submit {
  readonly current: string
  readonly setCurrent: (current: string) => void
  readonly next: NewPassword
  readonly setNext: (next: NewPassword) => void
  /** Whether sending was tried, so that what is missing is told. */
  readonly tried: boolean
}

/**
 * What the dialog below types into. Reason for keeping it apart: the dialog may give its place to another one meanwhile.
 *
 * @param run - what to do with two passwords once the new one is usable
 */
export function usePasswordChange(
  run: (passwords: { current: string; next: string }) => Promise<void>,
  onFailure?: () => void,
): PasswordChange {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState(NO_PASSWORD)
  const [tried, setTried] = useState(false)
  const send = async (): Promise<boolean> => {
    setTried(true)
    if (!isUsable(next)) return false
    await run({ current, next: next.first })
    return true
  }
  const options = { explain: explainWithPassword, ...(onFailure === undefined ? {} : { onFailure }) }
  return { current, setCurrent, next, setNext, tried, ...useSubmit(send, options) }
}

interface Props {
  readonly title: string
  /** Told above the fields. */
  readonly warning?: string
  readonly action: string
  readonly change: PasswordChange
  readonly onClose: () => void
}

export function ChangePasswordDialog({ title, warning, action, change, onClose }: Props) {
  const { account } = useVault()
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="dialog-form" onSubmit={change.submit}>
        {warning !== undefined && <p>{warning}</p>}
        <Notice text={change.error} />
        <PasswordField
          label={TEXT.security.currentPassword}
          autoComplete="current-password"
          autoFocus
          required
          value={change.current}
          onChange={(event) => change.setCurrent(event.target.value)}
        />
        <NewPasswordFields
          label={TEXT.recovery.newPassword}
          login={account.login}
          value={change.next}
          onChange={change.setNext}
          tried={change.tried}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
          <Button type="submit" look="primary" disabled={change.busy}>
            {change.busy ? TEXT.auth.working : action}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
