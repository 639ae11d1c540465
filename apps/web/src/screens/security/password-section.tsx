import { useState } from 'react'
import { showToast } from '../../state/toasts.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button } from '../../ui/controls.tsx'
import { ChangePasswordDialog, usePasswordChange } from './change-password-dialog.tsx'
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
  const { vault, touch } = useVault()
  const change = usePasswordChange(async (passwords) => {
    await vault.changePassword(passwords)
    showToast(TEXT.security.changed)
    touch()
    onClose()
  })
  const title = TEXT.security.changePassword
  return <ChangePasswordDialog title={title} action={title} change={change} onClose={onClose} />
}
