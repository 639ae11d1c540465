import { type SqlBool, sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { ServerError } from '../errors.ts'
import { inviteHash, makeInviteCode } from './invite-code.ts'

/** Who may make an account. */
export type RegistrationPolicy = 'open' | 'invite' | 'closed'

type InviteRefusal = 'unknown' | 'used' | 'expired' | 'revoked'

/** What an invitation allows. */
export interface NewInvite {
  /** Accounts that it is good for. */
  readonly uses: number
  /** null: it does not expire. */
  readonly expiresMs: number | null
  /** Quota of the accounts made with it; null for the server's default. */
  readonly quotaBytes: number | null
}

export interface Invite extends NewInvite {
  readonly id: Uint8Array
  readonly used: number
  readonly createdMs: number
  readonly revokedMs: number | null
}

interface Deps {
  database: Database
  clock: Clock
}

/** Makes an invitation; its code is returned once, and stored as a hash. */
export async function createInvite(
  deps: Deps & { random: Random },
  invite: NewInvite,
): Promise<{ id: Uint8Array; code: string }> {
  const code = makeInviteCode(deps.random)
  const id = deps.random.bytes(16)
  await deps.database
    .insertInto('invites')
    .values({
      id,
      code_hash: requireHash(code),
      uses_limit: invite.uses,
      quota_bytes: invite.quotaBytes,
      created_ms: deps.clock.nowMs(),
      expires_ms: invite.expiresMs,
    })
    .execute()
  return { id, code }
}

/** The newest invitations: those that can be used, or all. */
export async function listInvites(deps: Deps, options: { all: boolean; limit: number }): Promise<Invite[]> {
  const usable = options.all ? sql<SqlBool>`true` : isUsable(deps.clock.nowMs())
  const rows = await deps.database
    .selectFrom('invites')
    .selectAll()
    .where(usable)
    .orderBy('created_ms', 'desc')
    .orderBy('id')
    .limit(options.limit)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    uses: row.uses_limit,
    used: row.uses,
    quotaBytes: row.quota_bytes,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    revokedMs: row.revoked_ms,
  }))
}

/** Takes an invitation back; accounts made with it stay. False when there is none of this id. */
export async function revokeInvite(deps: Deps, id: Uint8Array): Promise<boolean> {
  const revoked = await sql`
    UPDATE invites SET revoked_ms = coalesce(revoked_ms, ${deps.clock.nowMs()}) WHERE id = ${id}`.execute(deps.database)
  return revoked.numAffectedRows === 1n
}

/**
 * Refuses who may not register, before anything is done for them. Nothing is used up.
 *
 * @param accountId - where it is known: an invitation that this account itself has used up is admitted again, so that
 *   whoever repeats a registration of which the answer was lost learns that the account is there, not that the code is
 *   used
 *
 * @throws ServerError `registration_closed`, `invite_required`, `invite_invalid` with the reason
 */
export async function requireAdmission(
  deps: Deps & { registration: RegistrationPolicy },
  input: { code: string | undefined; accountId: Uint8Array | null },
): Promise<void> {
  if (deps.registration === 'closed') throw new ServerError('registration_closed')
  if (input.code === undefined && deps.registration === 'invite') throw new ServerError('invite_required')
  if (input.code === undefined) return
  const refusal = await refusalOf(deps, deps.database, {
    codeHash: requireHash(input.code),
    accountId: input.accountId,
  })
  if (refusal !== null) throw invalid(refusal)
}

/**
 * Uses up one use of an invitation, in the transaction that makes the account: of racing registrations with the last use
 * one wins, and a registration that fails uses nothing.
 *
 * @returns the invitation and the quota that it gives; nulls where no code was given
 * @throws ServerError `invite_invalid`, but for an account that is there already: that is for the caller to tell
 */
export async function useInvite(
  deps: { clock: Clock },
  tx: DatabaseTransaction,
  input: { code: string | undefined; accountId: Uint8Array },
): Promise<{ inviteId: Uint8Array | null; quotaBytes: number | null }> {
  const none = { inviteId: null, quotaBytes: null }
  if (input.code === undefined) return none
  const codeHash = requireHash(input.code)
  const used = await tx
    .updateTable('invites')
    .set((build) => ({ uses: build('uses', '+', 1) }))
    .where('code_hash', '=', codeHash)
    .where(isUsable(deps.clock.nowMs()))
    .returning(['id', 'quota_bytes'])
    .executeTakeFirst()
  if (used !== undefined) return { inviteId: used.id, quotaBytes: used.quota_bytes }
  const refusal = await refusalOf(deps, tx, { codeHash, accountId: input.accountId })
  if (refusal !== null) throw invalid(refusal)
  return none
}

function isUsable(nowMs: number) {
  return sql<SqlBool>`uses < uses_limit AND revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > ${nowMs})`
}

/** Why a code can't be used; only who has the code can ask. */
async function refusalOf(
  deps: { clock: Clock },
  database: Database | DatabaseTransaction,
  input: { codeHash: Uint8Array; accountId: Uint8Array | null },
): Promise<InviteRefusal | null> {
  const invite = await database
    .selectFrom('invites')
    .select(['id', 'uses', 'uses_limit', 'expires_ms', 'revoked_ms'])
    .where('code_hash', '=', input.codeHash)
    .executeTakeFirst()
  if (invite === undefined) return 'unknown'
  if (input.accountId !== null && (await isMadeWith(database, input.accountId, invite.id))) return null
  if (invite.revoked_ms !== null) return 'revoked'
  if (invite.uses >= invite.uses_limit) return 'used'
  return invite.expires_ms !== null && invite.expires_ms <= deps.clock.nowMs() ? 'expired' : null
}

async function isMadeWith(
  database: Database | DatabaseTransaction,
  accountId: Uint8Array,
  inviteId: Uint8Array,
): Promise<boolean> {
  const account = await database
    .selectFrom('accounts')
    .select('id')
    .where('id', '=', accountId)
    .where('invite_id', '=', inviteId)
    .executeTakeFirst()
  return account !== undefined
}

function requireHash(code: string): Uint8Array {
  const hash = inviteHash(code)
  if (hash === null) throw invalid('unknown')
  return hash
}

function invalid(reason: InviteRefusal): ServerError {
  return new ServerError('invite_invalid', { details: { reason } })
}
