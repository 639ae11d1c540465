import { hex } from '../bytes.ts'
import type { KeyScope } from './kms-keys.ts'
import { ensureOwnKey, type OuterRotationDeps } from './rotate-outer.ts'

/** Accounts that are remembered to have their own key, which none ever loses. */
const REMEMBERED = 10_000

/**
 * What has to be done for an account before it reserves blobs: in the scope `per-user` it gets its own key of the key
 * service at its first upload, and not before, so that strangers who only sign up run up no bill.
 */
export function uploadPreparation(deps: OuterRotationDeps, scope: KeyScope): (accountId: Uint8Array) => Promise<void> {
  if (scope === 'shared') return async () => undefined
  const prepared = new Set<string>()
  return async (accountId) => {
    const name = hex(accountId)
    if (prepared.has(name)) return
    await ensureOwnKey(deps, accountId)
    if (prepared.size >= REMEMBERED) prepared.clear()
    prepared.add(name)
  }
}
