import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Random } from '../../ports/index.ts'
import { ServerError } from '../errors.ts'
import { storeKeyring } from '../keys/keyring.ts'
import type { OuterKey } from '../keys/outer-keys.ts'
import { sealOuter } from '../keys/outer-layer.ts'
import { envelopePlace } from '../keys/places.ts'

/** Methods of account-key envelopes. */
export const PASSWORD = 1
export const RECOVERY = 2

/** Versions of the password envelope, the recovery envelope and the keyring. */
export interface Versions {
  readonly password: number
  readonly recovery: number
  readonly keyring: number
}

/** What takes the place of what an account has; parts that are absent stay. */
export interface NextCredentials {
  readonly password?: { readonly loginHash: string; readonly record: string; readonly envelope: Uint8Array } | undefined
  /** The password envelope alone: the password stays. */
  readonly passwordEnvelope?: Uint8Array | undefined
  readonly recovery?: { readonly authHash: Uint8Array; readonly envelope: Uint8Array } | undefined
  /** Sealed. */
  readonly keyring?: Uint8Array | undefined
}

/** The versions that are stored. */
export async function readVersions(database: Database | DatabaseTransaction, accountId: Uint8Array): Promise<Versions> {
  const envelopes = await database
    .selectFrom('envelopes')
    .select(['method', 'version'])
    .where('account_id', '=', accountId)
    .execute()
  const keyring = await database
    .selectFrom('keyrings')
    .select('version')
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  const of = (method: number) => envelopes.find((envelope) => envelope.method === method)?.version
  const [password, recovery] = [of(PASSWORD), of(RECOVERY)]
  if (password === undefined || recovery === undefined || keyring === undefined) {
    throw new ServerError('stored_data_damaged')
  }
  return { password, recovery, keyring: keyring.version }
}

/** @throws ServerError `versions_moved` unless both are the same */
export function requireVersions(stored: Versions, expected: Versions): void {
  const same =
    stored.password === expected.password &&
    stored.recovery === expected.recovery &&
    stored.keyring === expected.keyring
  if (!same) throw new ServerError('versions_moved')
}

/**
 * Makes sure, until the transaction ends, that an account has the versions that its client saw.
 *
 * Reason: it comes first in its transaction. Who only shared the row by then could not get it alone when another one
 * does the same.
 *
 * @throws ServerError `versions_moved`
 */
export async function holdVersions(tx: DatabaseTransaction, accountId: Uint8Array, expected: Versions): Promise<void> {
  await tx.selectFrom('accounts').select('id').where('id', '=', accountId).forNoKeyUpdate().executeTakeFirst()
  requireVersions(await readVersions(tx, accountId), expected)
}

/**
 * Stores new credentials, each part under the version after its own; `holdVersions` comes before it.
 *
 * @throws ServerError `login_taken`, `versions_moved`
 */
export async function replaceCredentials(
  deps: { random: Random },
  tx: DatabaseTransaction,
  account: { readonly accountId: Uint8Array; readonly outer: OuterKey; readonly expected: Versions },
  next: NextCredentials,
): Promise<Versions> {
  const { accountId, outer, expected } = account
  const replaceEnvelope = async (method: number, version: number, envelope: Uint8Array): Promise<number> => {
    const sealed = sealOuter(deps.random, outer.key, envelopePlace(accountId, method, version), envelope)
    await tx
      .updateTable('envelopes')
      .set({ version, outer_version: outer.version, sealed })
      .where('account_id', '=', accountId)
      .where('method', '=', method)
      .execute()
    return version
  }
  let { password, recovery, keyring } = expected
  if (next.password !== undefined) {
    const { loginHash, record, envelope } = next.password
    await tx
      .updateTable('accounts')
      .set({ login_hash: loginHash, opaque_record: record })
      .where('id', '=', accountId)
      .execute()
      .catch(refuseTakenLogin)
    password = await replaceEnvelope(PASSWORD, password + 1, envelope)
  } else if (next.passwordEnvelope !== undefined) {
    password = await replaceEnvelope(PASSWORD, password + 1, next.passwordEnvelope)
  }
  if (next.recovery !== undefined) {
    const { authHash, envelope } = next.recovery
    await tx.updateTable('accounts').set({ recovery_auth_hash: authHash }).where('id', '=', accountId).execute()
    recovery = await replaceEnvelope(RECOVERY, recovery + 1, envelope)
  }
  if (next.keyring !== undefined) {
    const replaced = { expectedVersion: keyring, sealed: next.keyring }
    keyring = await storeKeyring(deps, tx, { accountId, outer, keyring: replaced })
  }
  return { password, recovery, keyring }
}

function refuseTakenLogin(cause: unknown): never {
  // Unique violation: someone has this login name, maybe since a moment ago.
  if ((cause as { code?: unknown }).code === '23505') throw new ServerError('login_taken', { cause })
  throw cause
}
