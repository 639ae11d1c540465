import { LIMITS } from '@strongroom/protocol'
import type { Database } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { ServerError } from '../errors.ts'
import { openOuter, sealOuter } from '../keys/outer-layer.ts'
import { loginTicketPlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import type { ProvenLogin } from './login-state.ts'

const ACCOUNT_LENGTH = 16

interface Deps {
  database: Database
  clock: Clock
  setup: ServerSetup
}

/** Writes down that a password was proved; what is left to show is the second factor. @returns the ticket's id */
export async function issueTicket(deps: Deps & { random: Random }, proven: ProvenLogin): Promise<Uint8Array> {
  const id = deps.random.bytes(16)
  const state = Buffer.concat([proven.accountId, proven.recordHash])
  await deps.database
    .insertInto('login_tickets')
    .values({
      id,
      sealed: sealOuter(deps.random, deps.setup.loginStateKey, loginTicketPlace(id), state),
      tries: 0,
      expires_ms: deps.clock.nowMs() + LIMITS.ticketLifeMs,
    })
    .execute()
  return id
}

/**
 * Counts a try at a ticket and says whose it is.
 *
 * @throws ServerError `login_failed` when it is unknown, used, too old, or has no tries left
 */
export async function tryTicket(deps: Deps, id: Uint8Array): Promise<ProvenLogin> {
  const row = await deps.database
    .updateTable('login_tickets')
    .set((build) => ({ tries: build('tries', '+', 1) }))
    .where('id', '=', id)
    .where('tries', '<', LIMITS.ticketTries)
    .where('expires_ms', '>', deps.clock.nowMs())
    .returning('sealed')
    .executeTakeFirst()
  if (row === undefined) throw new ServerError('login_failed')
  const state = openOuter(deps.setup.loginStateKey, loginTicketPlace(id), row.sealed)
  return {
    accountId: Uint8Array.from(state.subarray(0, ACCOUNT_LENGTH)),
    recordHash: Uint8Array.from(state.subarray(ACCOUNT_LENGTH)),
  }
}

/** Uses up a ticket. @throws ServerError `login_failed` when another request did so first */
export async function spendTicket(database: Database, id: Uint8Array): Promise<void> {
  const spent = await database.deleteFrom('login_tickets').where('id', '=', id).executeTakeFirst()
  if (spent.numDeletedRows === 0n) throw new ServerError('login_failed')
}

/** Takes back a try that the key service or the database was away for. */
export async function giveBackTry({ database }: Pick<Deps, 'database'>, id: Uint8Array): Promise<void> {
  await database
    .updateTable('login_tickets')
    .set((build) => ({ tries: build('tries', '-', 1) }))
    .where('id', '=', id)
    .where('tries', '>', 0)
    .execute()
}
