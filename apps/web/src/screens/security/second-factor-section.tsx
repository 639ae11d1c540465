import { Download } from 'lucide-react'
import { useState } from 'react'
import { showToast } from '../../state/toasts.ts'
import { explainWithPassword, useSubmit } from '../../state/use-submit.ts'
import { useVault } from '../../state/vault.tsx'
import { failureText, TEXT } from '../../strings.ts'
import { Button, Field, PasswordField } from '../../ui/controls.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Notice } from '../../ui/notice.tsx'
import { QrCode } from '../../ui/qr-code.tsx'
import { saveText } from '../../ui/save-text.ts'
import type { SecondFactorSetup } from '../../worker/vault-api.ts'
import { PasswordDialog } from './password-dialog.tsx'
import { Section } from './section.tsx'
import { useFetched } from './use-fetched.ts'

export function SecondFactorSection() {
  const { touch } = useVault()
  const { value } = useFetched((vault) => vault.secondFactor())
  const [open, setOpen] = useState<'enable' | 'disable' | null>(null)
  const done = (text: string): void => {
    setOpen(null)
    touch()
    showToast(text)
  }
  return (
    <Section
      title={TEXT.security.factor}
      text={value?.enabled ? TEXT.security.factorOn(value.backupCodesLeft) : TEXT.security.factorOff}
    >
      {value !== null && (
        <Button onClick={() => setOpen(value.enabled ? 'disable' : 'enable')}>
          {value.enabled ? TEXT.security.disableFactor : TEXT.security.enableFactor}
        </Button>
      )}
      {open === 'enable' && <Enable onClose={() => setOpen(null)} onDone={() => done(TEXT.security.factorEnabled)} />}
      {open === 'disable' && (
        <Disable onClose={() => setOpen(null)} onDone={() => done(TEXT.security.factorDisabled)} />
      )}
    </Section>
  )
}

interface StepProps {
  readonly onClose: () => void
  readonly onDone: () => void
}

function Enable({ onClose, onDone }: StepProps) {
  const { vault } = useVault()
  const [setup, setSetup] = useState<SecondFactorSetup | null>(null)
  const [password, setPassword] = useState('')
  const begin = async (): Promise<void> => setSetup(await vault.beginSecondFactor(password))
  const { busy, error, submit } = useSubmit(begin, { explain: explainWithPassword })
  if (setup !== null) return <Confirm setup={setup} onClose={onClose} onDone={onDone} />
  return (
    <PasswordDialog
      title={TEXT.security.factor}
      {...{ busy, error, password, onClose }}
      onPassword={setPassword}
      onSubmit={submit}
    />
  )
}

function Confirm({ setup, onClose, onDone }: StepProps & { setup: SecondFactorSetup }) {
  const { vault } = useVault()
  const [code, setCode] = useState('')
  const confirm = async (): Promise<void> => {
    await vault.confirmSecondFactor(setup, code)
    onDone()
  }
  const { busy, error, submit } = useSubmit(confirm, {
    explain: (failure) => (failure.code === 'authentication' ? TEXT.auth.codeWrong : failureText(failure)),
  })
  return (
    <Dialog title={TEXT.security.factor} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <p>{TEXT.security.scan}</p>
        <div className="factor-secret">
          <QrCode text={setup.uri} label={TEXT.security.scan} />
          <div className="factor-key">
            <p className="field-label">{TEXT.security.secret}</p>
            <code>{setup.secret.match(/.{1,4}/g)?.join(' ')}</code>
            <CopyButton text={setup.secret} />
          </div>
        </div>
        <div className="field">
          <p className="field-label">{TEXT.security.backupCodes}</p>
          <p className="field-hint">{TEXT.security.backupWhy}</p>
          <ul className="backup-codes">
            {setup.backupCodes.map((backup) => (
              <li key={backup}>{backup}</li>
            ))}
          </ul>
          <Button onClick={() => saveText('strongroom-backup-codes.txt', `${setup.backupCodes.join('\n')}\n`)}>
            <Download size={17} />
            {TEXT.recovery.download}
          </Button>
        </div>
        <Field
          label={TEXT.auth.code}
          autoComplete="one-time-code"
          inputMode="numeric"
          required
          value={code}
          error={error}
          onChange={(event) => setCode(event.target.value)}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
          <Button type="submit" look="primary" disabled={busy}>
            {TEXT.security.turnOn}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function Disable({ onClose, onDone }: StepProps) {
  const { vault } = useVault()
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const disable = async (): Promise<void> => {
    await vault.disableSecondFactor({ password, code })
    onDone()
  }
  const { busy, error, submit } = useSubmit(disable, { explain: explainWithPassword })
  return (
    <Dialog title={TEXT.security.disableFactorTitle} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <Notice text={error} />
        <PasswordField
          label={TEXT.security.currentPassword}
          autoComplete="current-password"
          autoFocus
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Field
          label={TEXT.auth.code}
          autoComplete="one-time-code"
          required
          value={code}
          onChange={(event) => setCode(event.target.value)}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
          <Button type="submit" look="danger" disabled={busy}>
            {TEXT.security.disableFactor}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
