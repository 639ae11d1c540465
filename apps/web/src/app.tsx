import { RouterProvider } from '@tanstack/react-router'
import * as Comlink from 'comlink'
import { OctagonAlert, ShieldAlert } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { connectVault, forgetTab, onSignedOutElsewhere, type Vault } from './bridge/connect.ts'
import { startStreams } from './bridge/download.ts'
import { deviceName } from './device-name.ts'
import { router } from './router.tsx'
import { Forgot } from './screens/forgot.tsx'
import { SignIn } from './screens/sign-in.tsx'
import { SignUp } from './screens/sign-up.tsx'
import { useInactivityLock } from './state/lock.ts'
import { forgetUploads, isUnfinished, startTransfers, transfers } from './state/transfers.ts'
import { VaultProvider } from './state/vault.tsx'
import { failureText, TEXT } from './strings.ts'
import { Button } from './ui/controls.tsx'
import { Empty } from './ui/empty.tsx'
import type { SignedInAs, VaultFailure } from './worker/vault-api.ts'

type Stage =
  | { readonly at: 'starting' }
  | { readonly at: 'sign-in'; readonly notice: string | null }
  | { readonly at: 'sign-up' }
  | { readonly at: 'forgot' }
  | { readonly at: 'drive'; readonly account: SignedInAs }
  | { readonly at: 'stopped' }

export function App() {
  const [vault, setVault] = useState<Vault | null>(null)
  const [stage, setStage] = useState<Stage>({ at: 'starting' })
  useEffect(() => {
    if (!isSecureContext) return
    const start = async (): Promise<void> => {
      void startStreams().catch(() => undefined)
      const connected = await connectVault(deviceName(navigator.userAgent))
      setVault(() => connected)
      const account = await connected.resume().catch(() => null)
      setStage(account === null ? { at: 'sign-in', notice: null } : { at: 'drive', account })
    }
    void start()
  }, [])

  if (!isSecureContext) {
    return <Empty icon={ShieldAlert} title={TEXT.insecure.title} hint={TEXT.insecure.text} />
  }
  if (vault === null || stage.at === 'starting') {
    return (
      <div className="loading loading-page" role="status">
        <span className="spinner" />
        <span className="visually-hidden">{TEXT.files.loading}</span>
      </div>
    )
  }
  const enter = (account: SignedInAs): void => setStage({ at: 'drive', account })
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
      return <SignUp vault={vault} onSignedIn={enter} onSignIn={() => setStage({ at: 'sign-in', notice: null })} />
    case 'forgot':
      return <Forgot vault={vault} onSignedIn={enter} onSignIn={() => setStage({ at: 'sign-in', notice: null })} />
    case 'stopped':
      return <IntegrityStop />
    case 'drive':
      return (
        <DriveApp
          vault={vault}
          account={stage.account}
          onSignedOut={(notice) => setStage({ at: 'sign-in', notice })}
          onStopped={() => setStage({ at: 'stopped' })}
        />
      )
  }
}

interface DriveAppProps {
  readonly vault: Vault
  readonly account: SignedInAs
  readonly onSignedOut: (notice: string | null) => void
  readonly onStopped: () => void
}

function DriveApp({ vault, account, onSignedOut, onStopped }: DriveAppProps) {
  const [revision, setRevision] = useState(0)
  const value = useMemo(() => {
    const stop = (failure: VaultFailure): void => {
      if (failure.code === 'authentication') onSignedOut(failureText({ code: 'session_expired' }))
      else if (failure.code === 'integrity') onStopped()
    }
    const signOut = (): void => {
      forgetUploads()
      vault.logOut().then(
        () => onSignedOut(null),
        () => onSignedOut(null),
      )
    }
    const leave = (notice: string): void => {
      forgetTab()
      void vault.forget()
      onSignedOut(notice)
    }
    const touch = (): void => setRevision((now) => now + 1)
    return { vault, account, revision, touch, stop, signOut, leave }
  }, [vault, account, revision, onSignedOut, onStopped])
  useEffect(() => {
    const changed = (): void => setRevision((now) => now + 1)
    void vault.watch(
      Comlink.proxy(changed),
      Comlink.proxy((failure: VaultFailure) => {
        if (failure.code === 'authentication') onSignedOut(failureText({ code: 'session_expired' }))
        else if (failure.code === 'integrity') onStopped()
      }),
    )
  }, [vault, onSignedOut, onStopped])
  const { leave } = value
  useEffect(() => startTransfers(vault, account.accountId), [vault, account.accountId])
  useInactivityLock(
    () => leave(TEXT.auth.locked),
    () => transfers.get().some(isUnfinished),
  )
  useEffect(
    () =>
      onSignedOutElsewhere(() => {
        void vault.forget()
        onSignedOut(null)
      }),
    [vault, onSignedOut],
  )
  return (
    <VaultProvider value={value}>
      <RouterProvider router={router} />
    </VaultProvider>
  )
}

function IntegrityStop() {
  return (
    <main className="stop" role="alert">
      <OctagonAlert size={44} aria-hidden="true" />
      <h1>{TEXT.integrity.title}</h1>
      <p>{TEXT.integrity.text}</p>
      <p>{TEXT.integrity.todo}</p>
      <Button onClick={() => location.reload()}>{TEXT.integrity.reload}</Button>
    </main>
  )
}
