import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Random } from '../../ports/index.ts'
import { ServerError } from '../errors.ts'
import type { OuterKey, OuterKeys } from '../keys/outer-keys.ts'
import { openOuter, sealOuter } from '../keys/outer-layer.ts'
import { sessionHalfPlace } from '../keys/places.ts'

const HALF_LENGTH = 32

/** Whose half. */
interface HalfPlace {
  readonly id: Uint8Array
  readonly accountId: Uint8Array
}

interface Deps {
  database: Database
  outerKeys: OuterKeys
}

// [Note: Session halves]
// What a signed-in device keeps opens its account key only together with 32 bytes that the server keeps under the outer
// layer, in a row that ends with the session. A stolen profile is worthless once the session is revoked; a stolen
// database never was worth anything here.

/** Makes the server's half for a session and stores it in its transaction. */
export async function storeHalf(
  deps: { random: Random; database: Database | DatabaseTransaction },
  session: HalfPlace,
  outer: OuterKey,
): Promise<Uint8Array> {
  const half = deps.random.bytes(HALF_LENGTH)
  await deps.database
    .insertInto('session_halves')
    .values({ session_id: session.id, ...sealedHalf(deps.random, session, outer, half) })
    .execute()
  return half
}

function sealedHalf(random: Random, session: HalfPlace, outer: OuterKey, half: Uint8Array) {
  return {
    account_id: session.accountId,
    outer_version: outer.version,
    sealed: sealOuter(random, outer.key, sessionHalfPlace(session.accountId, session.id), half),
  }
}

/** The half of the session that asks. @throws ServerError `session_expired` when it has none: it ended meanwhile */
export async function readHalf(deps: Deps, session: HalfPlace): Promise<Uint8Array> {
  const row = await deps.database
    .selectFrom('session_halves')
    .select(['outer_version', 'sealed'])
    .where('session_id', '=', session.id)
    .executeTakeFirst()
  if (row === undefined) throw new ServerError('session_expired')
  const key = await deps.outerKeys.version(session.accountId, row.outer_version)
  return openOuter(key, sessionHalfPlace(session.accountId, session.id), row.sealed)
}

/**
 * The half of the session that asks, made now where a session from before there were halves has none. Repeating it gives
 * the same half.
 *
 * @throws ServerError `session_expired`
 */
export async function ensureHalf(deps: Deps & { random: Random }, session: HalfPlace): Promise<Uint8Array> {
  const outer = await deps.outerKeys.newest(session.accountId)
  const half = deps.random.bytes(HALF_LENGTH)
  await deps.database
    .insertInto('session_halves')
    .values({ session_id: session.id, ...sealedHalf(deps.random, session, outer, half) })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
    .catch((error: unknown) => {
      throw isForeignKey(error) ? new ServerError('session_expired', { cause: error }) : error
    })
  return readHalf(deps, session)
}

/** The session that a half would belong to is gone: it ended between two statements. */
function isForeignKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23503'
}
