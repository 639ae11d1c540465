import { type FormEvent, useState } from 'react'
import { asFailure, type Vault } from '../bridge/connect.ts'
import { failureText, TEXT } from '../strings.ts'
import { Button, Field, PasswordField } from '../ui/controls.tsx'
import type { SignedInAs } from '../worker/vault-api.ts'
import { AuthLayout } from './auth-layout.tsx'

interface SignInProps {
  readonly vault: Vault
  readonly notice: string | null
  readonly onSignedIn: (account: SignedInAs) => void
  readonly onSignUp: () => void
}

export function SignIn({ vault, notice, onSignedIn, onSignUp }: SignInProps) {
  const [login, setLogin] = useState('')
  const [password, setPassword] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(notice)
  const [helping, setHelping] = useState(false)

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      onSignedIn(await vault.logIn({ login, password }))
    } catch (cause) {
      setError(failureText(asFailure(cause).code))
      setBusy(false)
    }
  }
  return (
    <AuthLayout title={TEXT.auth.signInTitle}>
      <form onSubmit={submit}>
        {error !== null && (
          <p className="notice" role="alert">
            {error}
          </p>
        )}
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
        <PasswordField
          label={TEXT.auth.password}
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button type="submit" look="primary" wide disabled={busy}>
          {busy ? TEXT.auth.working : TEXT.auth.signIn}
        </Button>
      </form>
      <p className="auth-switch">
        {TEXT.auth.toSignUp}{' '}
        <button type="button" className="link" onClick={onSignUp}>
          {TEXT.auth.signUp}
        </button>
      </p>
      <div className="auth-switch">
        <button type="button" className="link" aria-expanded={helping} onClick={() => setHelping(!helping)}>
          {TEXT.auth.forgot}
        </button>
        {helping && <p className="auth-lead">{TEXT.auth.lost}</p>}
      </div>
    </AuthLayout>
  )
}
