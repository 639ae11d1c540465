import * as Comlink from 'comlink'
import { useState } from 'react'
import { useQuestion } from '../../state/questions.ts'
import { showToast } from '../../state/toasts.ts'
import { useAction, useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button } from '../../ui/controls.tsx'
import { CeremonyDialog } from './ceremony-dialog.tsx'
import { ChangePasswordDialog, usePasswordChange } from './change-password-dialog.tsx'
import { Section } from './section.tsx'
import { useFetched } from './use-fetched.ts'

/** What to do when others may know the password; goes on where it was cut off. */
export function LeakSection() {
  const { vault, touch } = useVault()
  const act = useAction()
  const { value: state } = useFetched((from) => from.leakAnswer())
  const [open, setOpen] = useState(false)
  const [finishing, setFinishing] = useState(false)
  const finish = (): void =>
    act(async () => {
      setFinishing(true)
      try {
        await vault.finishLeakAnswer()
        showToast(TEXT.security.leakDone)
      } finally {
        setFinishing(false)
        touch()
      }
    })
  return (
    <Section title={TEXT.security.leak} text={TEXT.security.leakText}>
      {state === 'account-done' || finishing ? (
        <div className="rotation">
          <p role="status">{finishing ? TEXT.security.leakFinishing : TEXT.security.leakStopped}</p>
          <Button disabled={finishing} onClick={finish}>
            {TEXT.security.goOn}
          </Button>
        </div>
      ) : (
        <Button onClick={() => setOpen(true)}>{TEXT.security.leakBegin}</Button>
      )}
      {open && <RenewAccess onClose={() => setOpen(false)} onRenewed={finish} />}
    </Section>
  )
}

interface RenewAccessProps {
  readonly onClose: () => void
  /** Password, recovery key and account key are new. */
  readonly onRenewed: () => void
}

function RenewAccess({ onClose, onRenewed }: RenewAccessProps) {
  const { vault } = useVault()
  const ceremony = useQuestion<string, void>()
  const change = usePasswordChange(async (passwords) => {
    await vault.renewAccess(passwords, Comlink.proxy(ceremony.ask))
    onClose()
    onRenewed()
  }, ceremony.drop)
  if (ceremony.question !== null) return <CeremonyDialog question={ceremony.question} onClose={onClose} />
  const { leak, leakWarning } = TEXT.security
  return (
    <ChangePasswordDialog
      title={leak}
      warning={leakWarning}
      action={TEXT.auth.next}
      change={change}
      onClose={onClose}
    />
  )
}
