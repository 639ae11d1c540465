import * as Comlink from 'comlink'
import { useState } from 'react'
import type { Vault } from '../bridge/connect.ts'
import { useQuestion } from '../state/questions.ts'
import { explainSignIn, useSubmit } from '../state/use-submit.ts'
import { TEXT } from '../strings.ts'
import { Button, Field, PasswordField } from '../ui/controls.tsx'
import { Notice } from '../ui/notice.tsx'
import type { SignedInAs } from '../worker/vault-api.ts'
import { AuthLayout } from './auth-layout.tsx'
import { SecondFactorScreen } from './second-factor-screen.tsx'

interface SignInProps {
  readonly vault: Vault
  readonly notice: string | null
  /** Name of who was signed in before and is to come back; empty for anybody. */
  readonly login: string
  readonly onSignedIn: (account: SignedInAs) => void
  readonly onSignUp: () => void
  readonly onForgot: () => void
}

export function SignIn({ vault, notice, login: before, onSignedIn, onSignUp, onForgot }: SignInProps) {
  const [login, setLogin] = useState(before)
  const [password, setPassword] = useState('')
  const code = useQuestion<number, string>()

  const logIn = async (): Promise<void> => onSignedIn(await vault.logIn({ login, password }, Comlink.proxy(code.ask)))
  const { busy, error, submit } = useSubmit(logIn, { initial: notice, explain: explainSignIn, onFailure: code.drop })
  if (code.question !== null) return <SecondFactorScreen question={code.question} />
  return (
    <AuthLayout title={TEXT.auth.signInTitle}>
      <form onSubmit={submit}>
        <Notice text={error} isCalm={error === notice} />
        <Field
          label={TEXT.auth.login}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus={before === ''}
          required
          value={login}
          onChange={(event) => setLogin(event.target.value)}
        />
        <PasswordField
          label={TEXT.auth.password}
          autoComplete="current-password"
          autoFocus={before !== ''}
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button type="submit" look="primary" wide disabled={busy}>
          {busy ? TEXT.auth.working : TEXT.auth.signIn}
        </Button>
      </form>
      <div className="auth-links">
        <p className="auth-switch">
          {TEXT.auth.toSignUp}{' '}
          <button type="button" className="link" onClick={onSignUp}>
            {TEXT.auth.signUp}
          </button>
        </p>
        <button type="button" className="link auth-switch" onClick={onForgot}>
          {TEXT.auth.forgot}
        </button>
      </div>
    </AuthLayout>
  )
}
