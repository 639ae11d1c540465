import * as Comlink from 'comlink'
import { useState } from 'react'
import { useQuestion } from '../../state/questions.ts'
import { showToast } from '../../state/toasts.ts'
import { explainWithPassword, useSubmit } from '../../state/use-submit.ts'
import { useAction, useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button, PasswordField } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { isUsable, NewPasswordFields, NO_PASSWORD } from '../../ui/new-password.tsx'
import { Notice } from '../../ui/notice.tsx'
import { CeremonyDialog } from './ceremony-dialog.tsx'
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
  const { vault, account } = useVault()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState(NO_PASSWORD)
  const [tried, setTried] = useState(false)
  const ceremony = useQuestion<string, void>()
  const renew = async (): Promise<boolean> => {
    setTried(true)
    if (!isUsable(next)) return false
    await vault.renewAccess({ current, next: next.first }, Comlink.proxy(ceremony.ask))
    onClose()
    onRenewed()
    return true
  }
  const { busy, error, submit } = useSubmit(renew, { explain: explainWithPassword, onFailure: ceremony.drop })
  if (ceremony.question !== null) return <CeremonyDialog question={ceremony.question} onClose={onClose} />
  return (
    <Dialog title={TEXT.security.leak} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <p>{TEXT.security.leakWarning}</p>
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
            {busy ? TEXT.auth.working : TEXT.auth.next}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
