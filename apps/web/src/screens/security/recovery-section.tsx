import * as Comlink from 'comlink'
import { type FormEvent, useState } from 'react'
import { asFailure } from '../../bridge/connect.ts'
import { useQuestion } from '../../state/questions.ts'
import { showToast } from '../../state/toasts.ts'
import { explainWithPassword, useSubmit } from '../../state/use-submit.ts'
import { useVault } from '../../state/vault.tsx'
import { failureText, TEXT } from '../../strings.ts'
import { Button, PasswordField } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { RecoveryKeyField, ShowRecoveryKey, TypeRecoveryKey } from '../../ui/recovery-key.tsx'
import { Section } from './section.tsx'

export function RecoverySection() {
  const [open, setOpen] = useState<'test' | 'replace' | null>(null)
  const close = (): void => setOpen(null)
  return (
    <Section title={TEXT.security.recovery} text={TEXT.security.recoveryText}>
      <div className="section-acts">
        <Button onClick={() => setOpen('test')}>{TEXT.security.testRecovery}</Button>
        <Button onClick={() => setOpen('replace')}>{TEXT.security.replaceRecovery}</Button>
      </div>
      {open === 'test' && <TestKey onClose={close} />}
      {open === 'replace' && <ReplaceKey onClose={close} />}
    </Section>
  )
}

function TestKey({ onClose }: { onClose: () => void }) {
  const { vault } = useVault()
  const [typed, setTyped] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [right, setRight] = useState(false)
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setRight(false)
    try {
      const groups = await vault.misspelt(typed)
      if (groups !== null) return setError(TEXT.recovery.misspelt(groups))
      const isRight = await vault.testRecoveryKey(typed)
      setRight(isRight)
      setError(isRight ? null : TEXT.security.testWrong)
    } catch (cause) {
      setError(failureText(asFailure(cause)))
    }
  }
  return (
    <Dialog title={TEXT.security.testRecovery} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <RecoveryKeyField
          value={typed}
          error={error}
          autoFocus
          onChange={(text) => {
            setTyped(text)
            setError(null)
          }}
        />
        {right && (
          <p className="success" role="status">
            {TEXT.security.testRight}
          </p>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.close}</Button>
          <Button type="submit" look="primary">
            {TEXT.security.test}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function ReplaceKey({ onClose }: { onClose: () => void }) {
  const { vault, account, touch } = useVault()
  const [password, setPassword] = useState('')
  const [saved, setSaved] = useState(false)
  const ceremony = useQuestion<string, void>()
  const replace = async (): Promise<void> => {
    await vault.replaceRecoveryKey(password, Comlink.proxy(ceremony.ask))
    showToast(TEXT.security.replaced)
    touch()
    onClose()
  }
  const { busy, error, submit } = useSubmit(replace, { explain: explainWithPassword, onFailure: ceremony.drop })
  const close = (): void => {
    ceremony.question?.refuse()
    onClose()
  }
  if (ceremony.question !== null) {
    const { asked, answer } = ceremony.question
    return (
      <Dialog title={saved ? TEXT.recovery.typeTitle : TEXT.recovery.title} onClose={close}>
        <p>{saved ? TEXT.recovery.typeWhy : TEXT.recovery.why}</p>
        {saved ? (
          <TypeRecoveryKey recoveryKey={asked} onBack={() => setSaved(false)} onDone={() => answer()} />
        ) : (
          <ShowRecoveryKey login={account.login} recoveryKey={asked} onSaved={() => setSaved(true)} />
        )}
      </Dialog>
    )
  }
  return (
    <Dialog title={TEXT.security.replaceRecovery} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
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
