import type { FormEvent } from 'react'
import { TEXT } from '../../strings.ts'
import { Button, PasswordField } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'

interface PasswordDialogProps {
  readonly title: string
  readonly text?: string | undefined
  readonly busy: boolean
  readonly error: string | null
  readonly password: string
  readonly onPassword: (password: string) => void
  readonly onSubmit: (event: FormEvent) => void
  readonly onClose: () => void
}

/** Asks for the current password before the next step of a change. */
export function PasswordDialog({
  title,
  text,
  busy,
  error,
  password,
  onPassword,
  onSubmit,
  onClose,
}: PasswordDialogProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="dialog-form" onSubmit={onSubmit}>
        {text !== undefined && <p>{text}</p>}
        <PasswordField
          label={TEXT.security.currentPassword}
          autoComplete="current-password"
          autoFocus
          required
          value={password}
          error={error}
          onChange={(event) => onPassword(event.target.value)}
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
