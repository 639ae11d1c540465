import { type FormEvent, useState } from 'react'
import { asFailure } from '../../bridge/connect.ts'
import { useVault } from '../../state/vault.tsx'
import { failureText, TEXT } from '../../strings.ts'
import { Button } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { RecoveryKeyField } from '../../ui/recovery-key.tsx'
import { NewRecoveryKey } from './new-recovery-key.tsx'
import { Section } from './section.tsx'

export function RecoverySection() {
  const [open, setOpen] = useState<'test' | 'replace' | null>(null)
  const { vault } = useVault()
  const close = (): void => setOpen(null)
  return (
    <Section title={TEXT.security.recovery} text={TEXT.security.recoveryText}>
      <div className="section-acts">
        <Button onClick={() => setOpen('test')}>{TEXT.security.testRecovery}</Button>
        <Button onClick={() => setOpen('replace')}>{TEXT.security.replaceRecovery}</Button>
      </div>
      {open === 'test' && <TestKey onClose={close} />}
      {open === 'replace' && (
        <NewRecoveryKey
          title={TEXT.security.replaceRecoveryTitle}
          done={TEXT.security.replaced}
          change={(password, onRecoveryKey) => vault.replaceRecoveryKey(password, onRecoveryKey)}
          onClose={close}
        />
      )}
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
    <Dialog title={TEXT.security.testRecoveryTitle} onClose={onClose}>
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
