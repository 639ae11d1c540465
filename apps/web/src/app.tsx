import { ShieldAlert } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import { asFailure, connectVault, forgetTab, type Vault } from './bridge/connect.ts'
import { startStreams } from './bridge/download.ts'
import { deviceName } from './device-name.ts'
import { Halt } from './screens/halt.tsx'
import { SignIn } from './screens/sign-in.tsx'
import { isSignedOut } from './state/final-failures.ts'
import { failureText, TEXT } from './strings.ts'
import { Empty } from './ui/empty.tsx'
import type { SignedInAs, VaultFailure } from './worker/vault-api.ts'

// Reason for the parts that are loaded later: most of the app is of no use before somebody has signed in.
const loadDrive = () => import('./drive-app.tsx')
const DriveApp = lazy(async () => ({ default: (await loadDrive()).DriveApp }))
const SignUp = lazy(async () => ({ default: (await import('./screens/sign-up.tsx')).SignUp }))
const Forgot = lazy(async () => ({ default: (await import('./screens/forgot.tsx')).Forgot }))

type Stage =
  | { readonly at: 'starting' }
  | { readonly at: 'sign-in'; readonly notice: string | null }
  | { readonly at: 'sign-up' }
  | { readonly at: 'forgot' }
  | { readonly at: 'drive'; readonly account: SignedInAs }
  | { readonly at: 'halted'; readonly failure: VaultFailure; readonly account: SignedInAs | null }

/** Who is signed in on this tab, or what stands in the way. */
async function resume(vault: Vault): Promise<Stage> {
  try {
    const account = await vault.resume()
    return account === null ? { at: 'sign-in', notice: null } : { at: 'drive', account }
  } catch (error) {
    const failure = asFailure(error)
    if (!isSignedOut(failure) && failure.code !== 'local_io') return { at: 'halted', failure, account: null }
    forgetTab()
    return { at: 'sign-in', notice: failureText({ code: 'session_expired' }) }
  }
}

export function App() {
  const [vault, setVault] = useState<Vault | null>(null)
  const [stage, setStage] = useState<Stage>({ at: 'starting' })
  useEffect(() => {
    if (!isSecureContext) return
    const start = async (): Promise<void> => {
      void startStreams().catch(() => undefined)
      const connected = await connectVault(deviceName(navigator.userAgent))
      setVault(() => connected)
      setStage(await resume(connected))
    }
    void start()
  }, [])
  const enter = useCallback((account: SignedInAs): void => setStage({ at: 'drive', account }), [])
  const signedOut = useCallback((notice: string | null): void => setStage({ at: 'sign-in', notice }), [])
  const again = useCallback((): void => {
    if (vault !== null) void resume(vault).then(setStage)
  }, [vault])
  const giveUp = useCallback((): void => {
    const over = (): void => {
      forgetTab()
      setStage({ at: 'sign-in', notice: null })
    }
    vault?.logOut().then(over, over)
  }, [vault])

  if (!isSecureContext) {
    return <Empty icon={ShieldAlert} title={TEXT.insecure.title} hint={TEXT.insecure.text} />
  }
  if (vault === null || stage.at === 'starting') return <Loading />
  const toSignIn = (): void => setStage({ at: 'sign-in', notice: null })
  switch (stage.at) {
    case 'sign-in':
      return (
        <SignIn
          vault={vault}
          notice={stage.notice}
          onSignedIn={enter}
          onSignUp={() => setStage({ at: 'sign-up' })}
          onForgot={() => setStage({ at: 'forgot' })}
        />
      )
    case 'sign-up':
      return (
        <Suspense fallback={<Loading />}>
          <SignUp vault={vault} onSignedIn={enter} onSignIn={toSignIn} />
        </Suspense>
      )
    case 'forgot':
      return (
        <Suspense fallback={<Loading />}>
          <Forgot vault={vault} onSignedIn={enter} onSignIn={toSignIn} />
        </Suspense>
      )
    case 'halted': {
      const { failure } = stage
      const reload = failure.code === 'upgrade_required' ? () => location.reload() : again
      return <Halt failure={failure} onRetry={reload} onSignOut={failure.code === 'integrity' ? undefined : giveUp} />
    }
    case 'drive': {
      const { account } = stage
      return (
        <Suspense fallback={<Loading />}>
          <DriveApp
            vault={vault}
            account={account}
            onSignedOut={signedOut}
            onHalted={(failure) => setStage({ at: 'halted', failure, account })}
          />
        </Suspense>
      )
    }
  }
}

function Loading() {
  return (
    <div className="loading loading-page" role="status">
      <span className="spinner" />
      <span className="visually-hidden">{TEXT.files.loading}</span>
    </div>
  )
}
