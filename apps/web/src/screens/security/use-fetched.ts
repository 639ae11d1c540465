import { useEffect, useRef, useState } from 'react'
import type { Vault } from '../../bridge/connect.ts'
import { useVault } from '../../state/vault.tsx'

/** Something that the vault knows, fetched when shown and after every change; null until it is there. */
export function useFetched<T>(fetch: (vault: Vault) => Promise<T>): { value: T | null } {
  const { vault, revision } = useVault()
  const [value, setValue] = useState<T | null>(null)
  const latest = useRef(fetch)
  latest.current = fetch
  useEffect(() => {
    let current = true
    latest.current(vault).then(
      (fetched) => current && setValue(fetched),
      () => undefined,
    )
    return () => {
      current = false
    }
  }, [vault, revision])
  return { value }
}
