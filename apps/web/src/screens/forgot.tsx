import * as Comlink from 'comlink'
import { useState } from 'react'
import type { Vault } from '../bridge/connect.ts'
import { useQuestion } from '../state/questions.ts'
import { explainSignIn, useSubmit } from '../state/use-submit.ts'
import { TEXT } from '../strings.ts'
import { Button, Field } from '../ui/controls.tsx'
import { isUsable, NewPasswordFields, NO_PASSWORD } from '../ui/new-password.tsx'
import { Notice } from '../ui/notice.tsx'
import { RecoveryKeyField } from '../ui/recovery-key.tsx'
import type { SignedInAs } from '../worker/vault-api.ts'
import { AuthLayout } from './auth-layout.tsx'
import { RecoveryCeremony } from './recovery-ceremony.tsx'
import { SecondFactorScreen } from './second-factor-screen.tsx'

interface ForgotProps {
  readonly vault: Vault
  readonly onSignedIn: (account: SignedInAs) => void
  readonly onSignIn: () => void
}

/** The way back in without a password. */
export function Forgot({ vault, onSignedIn, onSignIn }: ForgotProps) {
  const [login, setLogin] = useState('')
  const [recoveryKey, setRecoveryKey] = useState('')
  const [keyError, setKeyError] = useState<string | null>(null)
  const [password, setPassword] = useState(NO_PASSWORD)
  const [tried, setTried] = useState(false)
  const code = useQuestion<number, string>()
  const ceremony = useQuestion<string, void>()

  const recover = async (): Promise<boolean> => {
    setTried(true)
    const groups = await vault.misspelt(recoveryKey)
    setKeyError(groups === null ? null : TEXT.recovery.misspelt(groups))
    if (groups !== null || !isUsable(password)) return false
    const input = { login, recoveryKey, newPassword: password.first }
    onSignedIn(await vault.recover(input, Comlink.proxy(ceremony.ask), Comlink.proxy(code.ask)))
    return true
  }
  const { busy, error, submit } = useSubmit(recover, {
    explain: explainSignIn,
    onFailure() {
      code.drop()
      ceremony.drop()
    },
  })

  if (ceremony.question !== null) {
    const { asked, answer } = ceremony.question
    return <RecoveryCeremony login={login} recoveryKey={asked} onDone={() => answer()} />
  }
  if (code.question !== null) return <SecondFactorScreen question={code.question} />
  return (
    <AuthLayout title={TEXT.recovery.forgotTitle} lead={TEXT.recovery.forgotWhy}>
      <form onSubmit={submit}>
        <Notice text={error} />
        <Field
          label={TEXT.auth.login}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          value={login}
          onChange={(event) => setLogin(event.target.value)}
        />
        <RecoveryKeyField
          value={recoveryKey}
          error={keyError}
          onChange={(text) => {
            setRecoveryKey(text)
            setKeyError(null)
          }}
        />
        <NewPasswordFields
          label={TEXT.recovery.newPassword}
          login={login}
          value={password}
          onChange={setPassword}
          tried={tried}
        />
        <Button type="submit" look="primary" wide disabled={busy}>
          {busy ? TEXT.auth.working : TEXT.recovery.use}
        </Button>
      </form>
      <p className="auth-switch">
        <button type="button" className="link" onClick={onSignIn}>
          {TEXT.recovery.toSignIn}
        </button>
      </p>
    </AuthLayout>
  )
}
