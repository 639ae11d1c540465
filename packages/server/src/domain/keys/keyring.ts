import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { ServerError } from '../errors.ts'
import type { OuterKey, OuterKeys } from './outer-keys.ts'
import { sealOuter } from './outer-layer.ts'
import { keyringPlace } from './places.ts'

/** A keyring as its client sealed it, and the version that it takes the place of. */
export interface NextKeyring {
  readonly expectedVersion: number
  readonly sealed: Uint8Array
}

/**
 * Puts a keyring in the place of the version before it.
 *
 * @returns the new version
 * @throws ServerError `versions_moved` when another one is stored by now
 */
export async function storeKeyring(
  deps: { random: Random },
  database: Database | DatabaseTransaction,
  input: { readonly accountId: Uint8Array; readonly outer: OuterKey; readonly keyring: NextKeyring },
): Promise<number> {
  const { accountId, outer, keyring } = input
  const version = keyring.expectedVersion + 1
  const replaced = await database
    .updateTable('keyrings')
    .set({
      version,
      outer_version: outer.version,
      sealed: sealOuter(deps.random, outer.key, keyringPlace(accountId, version), keyring.sealed),
    })
    .where('account_id', '=', accountId)
    .where('version', '=', keyring.expectedVersion)
    .executeTakeFirst()
  if (replaced.numUpdatedRows !== 1n) throw new ServerError('versions_moved')
  return version
}

/** Replaces the keyring of an account where no commit goes along. @throws ServerError `versions_moved` */
export async function replaceKeyring(
  deps: { database: Database; clock: Clock; random: Random; outerKeys: OuterKeys },
  { accountId, id: sessionId }: { readonly accountId: Uint8Array; readonly id: Uint8Array },
  keyring: NextKeyring,
): Promise<{ keyringVersion: number }> {
  const outer = await deps.outerKeys.newest(accountId)
  return await deps.database.transaction().execute(async (tx) => {
    const keyringVersion = await storeKeyring(deps, tx, { accountId, outer, keyring })
    await recordAudit(deps, tx, accountId, 'keyring_replaced', sessionId)
    return { keyringVersion }
  })
}
