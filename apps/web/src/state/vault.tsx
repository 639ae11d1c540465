import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react'
import { asFailure, type Vault } from '../bridge/connect.ts'
import { NO_ROWS, type Rows, unpackRows } from '../bridge/rows.ts'
import { failureText } from '../strings.ts'
import type { PackedRows, SignedInAs, VaultFailure } from '../worker/vault-api.ts'
import { isFinal } from './final-failures.ts'
import { showToast } from './toasts.ts'

export interface VaultState {
  readonly vault: Vault
  readonly account: SignedInAs
  /** Grows with every change of the vault, from wherever. */
  readonly revision: number
  /** Says that something of the account changed that is not in the vault. */
  readonly touch: () => void
  /** Ends the session of this tab. */
  readonly signOut: () => void
  /** Forgets the keys and shows the sign-in, with a sentence that says why. */
  readonly leave: (notice: string) => void
  /** For failures that end everything. */
  readonly stop: (failure: VaultFailure) => void
}

const Context = createContext<VaultState | null>(null)

export function VaultProvider({ value, children }: { value: VaultState; children: ReactNode }) {
  return <Context value={value}>{children}</Context>
}

export function useVault(): VaultState {
  const value = useContext(Context)
  if (value === null) throw new Error('useVault needs a VaultProvider')
  return value
}

export type Loaded =
  | { readonly state: 'loading'; readonly rows: Rows }
  | { readonly state: 'ready'; readonly rows: Rows }
  | { readonly state: 'failed'; readonly rows: Rows; readonly code: string }

/**
 * Rows that follow the vault. What was there stays visible while newer ones are fetched.
 *
 * @param key - what the rows are of; another one starts anew
 */
export function useRows(key: string, load: (vault: Vault) => Promise<PackedRows>): Loaded {
  const { vault, revision, stop } = useVault()
  const [loaded, setLoaded] = useState<{ key: string; value: Loaded } | null>(null)
  const latest = useRef({ load, stop })
  latest.current = { load, stop }
  useEffect(() => {
    let current = true
    latest.current.load(vault).then(
      (packed) => current && setLoaded({ key, value: { state: 'ready', rows: unpackRows(packed) } }),
      (error: unknown) => {
        if (!current) return
        const failure = asFailure(error)
        if (isFinal(failure)) latest.current.stop(failure)
        setLoaded({ key, value: { state: 'failed', rows: NO_ROWS, code: failure.code } })
      },
    )
    return () => {
      current = false
    }
  }, [vault, revision, key])
  return loaded?.key === key ? loaded.value : { state: 'loading', rows: NO_ROWS }
}

/** What to tell, at its place, of something that failed; what ends everything does so. */
export function useExplanation(): (cause: unknown) => string {
  const { stop } = useVault()
  return (cause) => {
    const failure = asFailure(cause)
    stop(failure)
    return failureText(failure)
  }
}

/** Runs something a user asked for and tells what became of it. */
export function useAction(): (task: () => Promise<void>) => void {
  const { stop } = useVault()
  return (task) => {
    task().catch((error: unknown) => {
      const failure = asFailure(error)
      if (isFinal(failure)) stop(failure)
      else showToast(failureText(failure))
    })
  }
}
