import * as Comlink from 'comlink'
import { useEffect, useState } from 'react'
import type { Vault } from '../bridge/connect.ts'
import { useQuestion } from '../state/questions.ts'
import { useSubmit } from '../state/use-submit.ts'
import { TEXT } from '../strings.ts'
import { Button, Field } from '../ui/controls.tsx'
import { isUsable, NewPasswordFields, NO_PASSWORD } from '../ui/new-password.tsx'
import { Notice } from '../ui/notice.tsx'
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
  const [tried, setTried] = useState(false)
  const ceremony = useQuestion<string, void>()
  const [registration, setRegistration] = useState<Registration>('open')
  const [invite, setInvite] = useState('')
  useEffect(() => {
    vault.registration().then(setRegistration, () => undefined)
  }, [vault])

  const register = async (): Promise<boolean> => {
    setTried(true)
    if (!isUsable(password)) return false
    const input = { login, password: password.first, invite: registration === 'invite' ? invite : null }
    onSignedIn(await vault.register(input, Comlink.proxy(ceremony.ask)))
    return true
  }
  const { busy, error, submit } = useSubmit(register, { onFailure: ceremony.drop })

  if (ceremony.question !== null) {
    const { asked, answer } = ceremony.question
    return <RecoveryCeremony login={login} recoveryKey={asked} onDone={() => answer()} />
  }
  if (registration === 'closed') {
    return (
      <AuthLayout title={TEXT.auth.signUpTitle} lead={TEXT.auth.closed}>
        <ToSignIn onSignIn={onSignIn} />
      </AuthLayout>
    )
  }
  return (
    <AuthLayout title={TEXT.auth.signUpTitle}>
      <form onSubmit={submit}>
        <Notice text={error} />
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
        <Button type="submit" look="primary" wide disabled={busy}>
          {busy ? TEXT.auth.working : TEXT.auth.next}
        </Button>
      </form>
      <ToSignIn onSignIn={onSignIn} />
    </AuthLayout>
  )
}

function ToSignIn({ onSignIn }: Pick<SignUpProps, 'onSignIn'>) {
  return (
    <p className="auth-switch">
      {TEXT.auth.toSignIn}{' '}
      <button type="button" className="link" onClick={onSignIn}>
        {TEXT.auth.signIn}
      </button>
    </p>
  )
}
