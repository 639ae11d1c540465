import { useState } from 'react'
import { explainWithPassword, useSubmit } from '../../state/use-submit.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button, Field, PasswordField } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Notice } from '../../ui/notice.tsx'
import { saveBytes } from '../../ui/save-text.ts'
import { Section } from './section.tsx'

const RECEIPT_NAME = 'strongroom-receipt.bin'

export function DeletionSection() {
  const [open, setOpen] = useState(false)
  return (
    <Section title={TEXT.security.deletion} text={TEXT.security.deletionText}>
      <Button look="danger" onClick={() => setOpen(true)}>
        {TEXT.security.deletion}
      </Button>
      {open && <DeleteAccount onClose={() => setOpen(false)} />}
    </Section>
  )
}

function DeleteAccount({ onClose }: { onClose: () => void }) {
  const { vault, account, leave } = useVault()
  const [confirm, setConfirm] = useState('')
  const [password, setPassword] = useState('')
  const destroy = async (): Promise<void> => {
    const receipt = await vault.deleteAccount({ password, confirm })
    if (receipt !== null) saveBytes(RECEIPT_NAME, receipt)
    leave(TEXT.security.deleted)
  }
  const { busy, error, submit } = useSubmit(destroy, { explain: explainWithPassword })
  return (
    <Dialog title={TEXT.security.deletion} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <p>{TEXT.security.deletionWarning}</p>
        <Notice text={error} />
        <Field
          label={TEXT.security.deletionConfirm(account.login)}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          value={confirm}
          onChange={(event) => setConfirm(event.target.value)}
        />
        <PasswordField
          label={TEXT.auth.password}
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
          <Button type="submit" look="danger" disabled={busy || confirm !== account.login}>
            {TEXT.security.deleteIt}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
