import { normaliseLogin } from '@strongroom/protocol'
import type { Database } from '../../database/tables.ts'
import type { ServerSetup } from '../keys/server-setup.ts'

const ID = /^[0-9a-f]{32}$/i

/**
 * The account that an operator means: by its id in hex, or by its login name, of which the server knows a keyed hash.
 * Null where there is none.
 */
export async function findAccount(
  deps: { database: Database; setup: Pick<ServerSetup, 'userIdentifier'> },
  account: string,
): Promise<Uint8Array | null> {
  const { database, setup } = deps
  const login = normaliseLogin(account)
  const byName =
    login === null
      ? undefined
      : await database
          .selectFrom('accounts')
          .select('id')
          .where('login_hash', '=', setup.userIdentifier(login))
          .executeTakeFirst()
  const byId = ID.test(account)
    ? await database
        .selectFrom('accounts')
        .select('id')
        .where('id', '=', Buffer.from(account, 'hex'))
        .executeTakeFirst()
    : undefined
  // Reason: someone may choose the id of another account as their login name; an id always means the account itself.
  return (byId ?? byName)?.id ?? null
}

/** The same, also for an account that was deleted, by its id: of it there is a tombstone. */
export async function findAccountOrTombstone(
  deps: { database: Database; setup: Pick<ServerSetup, 'userIdentifier'> },
  account: string,
): Promise<Uint8Array | null> {
  const found = await findAccount(deps, account)
  if (found !== null || !ID.test(account)) return found
  const deleted = await deps.database
    .selectFrom('deletions')
    .select('account_id')
    .where('account_id', '=', Buffer.from(account, 'hex'))
    .executeTakeFirst()
  return deleted?.account_id ?? null
}
