import { keyringChangeMessage, parseCard, signatureMessage } from '@strongroom/crypto/envelope'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { sha256 } from '../bytes.ts'
import { commitVerifier } from '../commits/verifier.ts'
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

/**
 * Replaces the keyring of an account where no commit goes along.
 *
 * Invariant: whoever only has a session's token can't put something else in the place of all keys. The account's identity
 * signs, by the card that the server knows.
 *
 * @throws ServerError `versions_moved`, `forbidden` for a signature that does not hold
 */
export async function replaceKeyring(
  deps: { database: Database; clock: Clock; random: Random; outerKeys: OuterKeys },
  { accountId, id: sessionId }: { readonly accountId: Uint8Array; readonly id: Uint8Array },
  keyring: NextKeyring & { readonly signature: Uint8Array },
): Promise<{ keyringVersion: number }> {
  await requireSigned(deps.database, accountId, keyring)
  const outer = await deps.outerKeys.newest(accountId)
  return await deps.database.transaction().execute(async (tx) => {
    const keyringVersion = await storeKeyring(deps, tx, { accountId, outer, keyring })
    await recordAudit(deps, tx, accountId, 'keyring_replaced', sessionId)
    return { keyringVersion }
  })
}

async function requireSigned(
  database: Database,
  accountId: Uint8Array,
  { expectedVersion, sealed, signature }: NextKeyring & { readonly signature: Uint8Array },
): Promise<void> {
  const row = await database
    .selectFrom('accounts')
    .innerJoin('keyrings', 'keyrings.account_id', 'accounts.id')
    .select(['card', 'keyrings.version'])
    .where('accounts.id', '=', accountId)
    .executeTakeFirst()
  // First: who lags behind may also have an identity of before.
  if (row === undefined || row.version !== expectedVersion) throw new ServerError('versions_moved')
  const { ed25519PublicKey } = parseCard(row.card).card
  const change = keyringChangeMessage({ accountId, version: expectedVersion + 1, sha256: sha256(sealed) })
  const message = signatureMessage('keyring-change', sha256(change))
  const holds = await commitVerifier.engine.ed25519Verify(ed25519PublicKey, message, signature)
  if (!holds) throw new ServerError('forbidden')
}
