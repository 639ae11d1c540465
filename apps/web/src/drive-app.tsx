import { RouterProvider } from '@tanstack/react-router'
import * as Comlink from 'comlink'
import { useEffect, useMemo, useRef, useState } from 'react'
import { forgetTab, onSignedOutElsewhere, type Vault } from './bridge/connect.ts'
import { isPlaying } from './bridge/media.ts'
import { router } from './router.tsx'
import { connection } from './state/connection.ts'
import { downloads, watchFailures } from './state/downloads.ts'
import { isHalting, isSignedOut } from './state/final-failures.ts'
import { useInactivityLock } from './state/lock.ts'
import { refreshThumbnails, startThumbnails } from './state/thumbnails.ts'
import { forgetUploads, isUnfinished, startTransfers, transfers } from './state/transfers.ts'
import { VaultProvider } from './state/vault.tsx'
import { failureText, TEXT } from './strings.ts'
import type { SignedInAs, VaultFailure } from './worker/vault-api.ts'

interface DriveAppProps {
  readonly vault: Vault
  readonly account: SignedInAs
  /** Where someone is to come back, with the login name. */
  readonly onSignedOut: (notice: string | null, login: string) => void
  readonly onHalted: (failure: VaultFailure) => void
}

/** The drive of who is signed in; loaded once somebody is. */
export function DriveApp({ vault, account, onSignedOut, onHalted }: DriveAppProps) {
  const [revision, setRevision] = useState(0)
  const latest = useRef({ onSignedOut, onHalted })
  latest.current = { onSignedOut, onHalted }
  const acts = useMemo(() => {
    const end = (notice: string, login: string): void => {
      forgetTab()
      void vault.forget()
      latest.current.onSignedOut(notice, login)
    }
    const lock = (notice: string): void => end(notice, account.login)
    return {
      leave: (notice: string): void => end(notice, ''),
      lock,
      stop(failure: VaultFailure): void {
        if (isSignedOut(failure)) lock(failureText({ code: 'session_expired' }))
        else if (isHalting(failure)) latest.current.onHalted(failure)
      },
      signOut(): void {
        forgetUploads()
        const done = (): void => latest.current.onSignedOut(null, '')
        vault.logOut().then(done, done)
      },
      touch: (): void => setRevision((now) => now + 1),
    }
  }, [vault, account.login])
  const value = useMemo(() => ({ vault, account, revision, ...acts }), [vault, account, revision, acts])
  useEffect(() => {
    void vault.watch(Comlink.proxy(acts.touch), Comlink.proxy(acts.stop))
    void vault.connection(
      Comlink.proxy((state) => {
        if (state === connection.get()) return
        connection.set(state)
        // What could not be fetched meanwhile is asked for again.
        if (state === 'online') acts.touch()
      }),
    )
  }, [vault, acts])
  useEffect(() => startTransfers(vault, account.accountId), [vault, account.accountId])
  useEffect(() => startThumbnails(vault, acts.stop), [vault, acts])
  useEffect(() => watchFailures(acts.stop), [acts])
  useEffect(refreshThumbnails, [revision])
  useInactivityLock(
    () => acts.lock(TEXT.auth.locked),
    () => isPlaying() || transfers.get().some(isUnfinished) || downloads.get().some(({ state }) => state === 'running'),
  )
  useEffect(
    () =>
      onSignedOutElsewhere(() => {
        void vault.forget()
        latest.current.onSignedOut(null, '')
      }),
    [vault],
  )
  return (
    <VaultProvider value={value}>
      <RouterProvider router={router} />
    </VaultProvider>
  )
}
