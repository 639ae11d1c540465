import * as Comlink from 'comlink'
import { type FormEvent, useRef, useState } from 'react'
import { asFailure, type Vault } from '../bridge/connect.ts'
import { failureText, TEXT } from '../strings.ts'
import { Button, Field, PasswordField } from '../ui/controls.tsx'
import type { SignedInAs } from '../worker/vault-api.ts'
import { AuthLayout } from './auth-layout.tsx'
import { StrengthMeter, useStrength } from './password-strength.tsx'
import { RecoveryCeremony } from './recovery-ceremony.tsx'

interface SignUpProps {
  readonly vault: Vault
  readonly onSignedIn: (account: SignedInAs) => void
  readonly onSignIn: () => void
}

/** Resolves the worker's question whether the recovery key is safe. */
interface Ceremony {
  readonly key: string
  readonly confirm: () => void
}

const SHORTEST = 8

export function SignUp({ vault, onSignedIn, onSignIn }: SignUpProps) {
  const [login, setLogin] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const [tried, setTried] = useState(false)
  const [ceremony, setCeremony] = useState<Ceremony | null>(null)
  const strength = useStrength(password, login)
  const started = useRef(false)

  const tooShort = [...password].length < SHORTEST
  const differs = again !== password

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setTried(true)
    if (tooShort || differs || started.current) return
    started.current = true
    setBusy(true)
    setError(null)
    const onRecoveryKey = (key: string): Promise<void> =>
      new Promise((confirm) => setCeremony({ key, confirm: () => confirm() }))
    try {
      onSignedIn(await vault.register({ login, password }, Comlink.proxy(onRecoveryKey)))
    } catch (cause) {
      setCeremony(null)
      setError(failureText(asFailure(cause).code))
      setBusy(false)
    } finally {
      started.current = false
    }
  }

  if (ceremony !== null) {
    return <RecoveryCeremony login={login} recoveryKey={ceremony.key} onDone={ceremony.confirm} />
  }
  return (
    <AuthLayout title={TEXT.auth.signUpTitle}>
      <form onSubmit={submit} noValidate={false}>
        {error !== null && (
          <p className="notice" role="alert">
            {error}
          </p>
        )}
        <Field
          label={TEXT.auth.login}
          hint={TEXT.auth.loginHint}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          value={login}
          onChange={(event) => setLogin(event.target.value)}
        />
        <div className="field">
          <PasswordField
            label={TEXT.auth.password}
            autoComplete="new-password"
            required
            value={password}
            error={tried && tooShort ? TEXT.auth.short : null}
            onChange={(event) => setPassword(event.target.value)}
          />
          <StrengthMeter password={password} score={strength} />
        </div>
        <PasswordField
          label={TEXT.auth.passwordAgain}
          autoComplete="new-password"
          required
          value={again}
          error={tried && differs ? TEXT.auth.mismatch : null}
          onChange={(event) => setAgain(event.target.value)}
        />
        <Button type="submit" look="primary" wide disabled={busy}>
          {busy ? TEXT.auth.working : TEXT.auth.next}
        </Button>
      </form>
      <p className="auth-switch">
        {TEXT.auth.toSignIn}{' '}
        <button type="button" className="link" onClick={onSignIn}>
          {TEXT.auth.signIn}
        </button>
      </p>
    </AuthLayout>
  )
}
