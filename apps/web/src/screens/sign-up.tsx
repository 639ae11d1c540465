import * as Comlink from 'comlink'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { asFailure, type Vault } from '../bridge/connect.ts'
import { useQuestion } from '../state/questions.ts'
import { failureText, TEXT } from '../strings.ts'
import { Button, Field } from '../ui/controls.tsx'
import { isUsable, NewPasswordFields, NO_PASSWORD } from '../ui/new-password.tsx'
import type { Registration, SignedInAs } from '../worker/vault-api.ts'
import { AuthLayout } from './auth-layout.tsx'
import { RecoveryCeremony } from './recovery-ceremony.tsx'

interface SignUpProps {
  readonly vault: Vault
  readonly onSignedIn: (account: SignedInAs) => void
  readonly onSignIn: () => void
}

export function SignUp({ vault, onSignedIn, onSignIn }: SignUpProps) {
  const [login, setLogin] = useState('')
  const [password, setPassword] = useState(NO_PASSWORD)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const [tried, setTried] = useState(false)
  const ceremony = useQuestion<string, void>()
  const started = useRef(false)
  const [registration, setRegistration] = useState<Registration>('open')
  const [invite, setInvite] = useState('')
  useEffect(() => {
    vault.registration().then(setRegistration, () => undefined)
  }, [vault])

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setTried(true)
    if (!isUsable(password) || started.current) return
    started.current = true
    setBusy(true)
    setError(null)
    try {
      onSignedIn(
        await vault.register(
          { login, password: password.first, invite: registration === 'invite' ? invite : null },
          Comlink.proxy(ceremony.ask),
        ),
      )
    } catch (cause) {
      ceremony.drop()
      setError(failureText(asFailure(cause)))
      setBusy(false)
    } finally {
      started.current = false
    }
  }

  if (ceremony.question !== null) {
    const { asked, answer } = ceremony.question
    return <RecoveryCeremony login={login} recoveryKey={asked} onDone={() => answer()} />
  }
  return (
    <AuthLayout title={TEXT.auth.signUpTitle}>
      {registration === 'closed' && <p className="notice">{TEXT.auth.closed}</p>}
      <form onSubmit={submit}>
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
        {registration === 'invite' && (
          <Field
            label={TEXT.auth.invite}
            hint={TEXT.auth.inviteHint}
            autoComplete="off"
            spellCheck={false}
            required
            value={invite}
            onChange={(event) => setInvite(event.target.value)}
          />
        )}
        <NewPasswordFields
          label={TEXT.auth.password}
          login={login}
          value={password}
          onChange={setPassword}
          tried={tried}
        />
        <Button type="submit" look="primary" wide disabled={busy || registration === 'closed'}>
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
