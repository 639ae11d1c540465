import type { Database } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'

const TOKEN_LENGTH = 32
const LIFE_MS = 30 * 24 * 60 * 60 * 1000
// A session slides at most this often, so that reading does not write on every request.
const SLIDE_MS = 60 * 60 * 1000

export interface Session {
  readonly id: Uint8Array
  readonly accountId: Uint8Array
}

export interface NewSession {
  readonly accountId: Uint8Array
  readonly token: Uint8Array
  readonly expiresAtMs: number
}

interface Deps {
  database: Database
  clock: Clock
  random: Random
}

/** Begins a session; only the hash of its token is stored. */
export async function createSession(deps: Deps, input: { accountId: Uint8Array }): Promise<NewSession> {
  const now = deps.clock.nowMs()
  const token = deps.random.bytes(TOKEN_LENGTH)
  await deps.database
    .insertInto('sessions')
    .values({
      token_hash: sha256(token),
      id: deps.random.bytes(16),
      account_id: input.accountId,
      created_ms: now,
      used_ms: now,
      expires_ms: now + LIFE_MS,
    })
    .execute()
  return { accountId: input.accountId, token, expiresAtMs: now + LIFE_MS }
}

/**
 * The session of a bearer token, extended by its use.
 *
 * @throws ServerError `session_expired` for tokens that are unknown, revoked or past their end
 */
export async function settleSession(deps: Omit<Deps, 'random'>, token: Uint8Array): Promise<Session> {
  const tokenHash = sha256(token)
  const row = await deps.database
    .selectFrom('sessions')
    .select(['id', 'account_id', 'used_ms', 'expires_ms'])
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst()
  const now = deps.clock.nowMs()
  if (row === undefined || row.expires_ms <= now) throw new ServerError('session_expired')
  if (row.used_ms + SLIDE_MS <= now) {
    await deps.database
      .updateTable('sessions')
      .set({ used_ms: now, expires_ms: now + LIFE_MS })
      .where('token_hash', '=', tokenHash)
      .execute()
  }
  return { id: row.id, accountId: row.account_id }
}

/** Ends a session; ending it again does nothing. */
export async function endSession(deps: Pick<Deps, 'database'>, session: Session): Promise<void> {
  await deps.database.deleteFrom('sessions').where('id', '=', session.id).execute()
}
