import { CookieIcon, ShieldAlert } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import { asFailure, connectVault, forgetTab, type Vault } from './bridge/connect.ts'
import { loadPart, reloadOnceServed } from './bridge/load.ts'
import { serviceWorker } from './bridge/service-worker.ts'
import { deviceName } from './device-name.ts'
import { Halt } from './screens/halt.tsx'
import { SignIn } from './screens/sign-in.tsx'
import { isSignedOut } from './state/final-failures.ts'
import { keepsStorage } from './state/storage.ts'
import { failureText, TEXT } from './strings.ts'
import { Boundary } from './ui/boundary.tsx'
import { Empty } from './ui/empty.tsx'
import type { SignedInAs, VaultFailure } from './worker/vault-api.ts'

// Reason for the parts that are loaded later: most of the app is of no use before somebody has signed in.
const DriveApp = lazy(async () => ({ default: (await loadPart(() => import('./drive-app.tsx'))).DriveApp }))
const SignUp = lazy(async () => ({ default: (await loadPart(() => import('./screens/sign-up.tsx'))).SignUp }))
const Forgot = lazy(async () => ({ default: (await loadPart(() => import('./screens/forgot.tsx'))).Forgot }))

type Stage =
  | { readonly at: 'starting' }
  | { readonly at: 'sign-in'; readonly notice: string | null; readonly login: string }
  | { readonly at: 'sign-up' }
  | { readonly at: 'forgot' }
  | { readonly at: 'drive'; readonly account: SignedInAs }
  | { readonly at: 'halted'; readonly failure: VaultFailure; readonly account: SignedInAs | null }

/** Who is signed in on this tab, or what stands in the way. */
async function resume(vault: Vault): Promise<Stage> {
  try {
    const account = await vault.resume()
    return account === null ? { at: 'sign-in', notice: null, login: '' } : { at: 'drive', account }
  } catch (error) {
    const failure = asFailure(error)
    if (!isSignedOut(failure) && failure.code !== 'local_io') return { at: 'halted', failure, account: null }
    forgetTab()
    return { at: 'sign-in', notice: failureText({ code: 'session_expired' }), login: '' }
  }
}

/** What stands in the way of anything at all. */
function obstacle(): { readonly icon: typeof ShieldAlert; readonly title: string; readonly text: string } | null {
  if (!isSecureContext) return { icon: ShieldAlert, ...TEXT.insecure }
  return keepsStorage() ? null : { icon: CookieIcon, ...TEXT.blocked }
}

const reload = (): void => void reloadOnceServed()

/** The app, or what stands in its way. */
export function App() {
  const way = obstacle()
  if (way !== null) {
    return (
      <main className="halt">
        <Empty level={1} icon={way.icon} title={way.title} hint={way.text} />
      </main>
    )
  }
  return (
    <Boundary instead={(failure) => <Halt failure={failure} onRetry={reload} />}>
      <Stages />
    </Boundary>
  )
}

function Stages() {
  const [vault, setVault] = useState<Vault | null>(null)
  const [stage, setStage] = useState<Stage>({ at: 'starting' })
  useEffect(() => {
    const start = async (): Promise<void> => {
      void serviceWorker()
      const connected = await connectVault(deviceName(navigator.userAgent))
      setVault(() => connected)
      setStage(await resume(connected))
    }
    start().catch((error) => setStage({ at: 'halted', failure: asFailure(error), account: null }))
  }, [])
  const enter = useCallback((account: SignedInAs): void => setStage({ at: 'drive', account }), [])
  const signedOut = useCallback(
    (notice: string | null, login: string): void => setStage({ at: 'sign-in', notice, login }),
    [],
  )
  const again = useCallback((): void => {
    if (vault !== null) void resume(vault).then(setStage)
  }, [vault])
  const giveUp = useCallback((): void => {
    const over = (): void => {
      forgetTab()
      setStage({ at: 'sign-in', notice: null, login: '' })
    }
    vault?.logOut().then(over, over)
  }, [vault])

  if (vault === null && stage.at === 'halted') return <Halt failure={stage.failure} onRetry={reload} />
  if (vault === null || stage.at === 'starting') return <Loading />
  const toSignIn = (): void => setStage({ at: 'sign-in', notice: null, login: '' })
  switch (stage.at) {
    case 'sign-in':
      return (
        <SignIn
          vault={vault}
          notice={stage.notice}
          login={stage.login}
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
      const retry = failure.code === 'upgrade_required' ? reload : again
      return <Halt failure={failure} onRetry={retry} onSignOut={failure.code === 'integrity' ? undefined : giveUp} />
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
