import { z } from 'zod'
import { createInvite, listInvites, revokeInvite } from '../../domain/accounts/invites.ts'
import { hex } from '../../domain/bytes.ts'
import { AdminError } from '../errors.ts'
import { defineOperation } from '../operation.ts'
import { quotaOfAccount } from './accounts.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const MOST_USES = 1_000_000
const MOST_DAYS = 3_650
const MOST_LISTED = 1000

/** `invite-create`: makes a code that lets accounts be made; it is shown once. */
export const inviteCreate = defineOperation({
  name: 'invite-create',
  input: z.strictObject({
    uses: z.int().min(1).max(MOST_USES),
    /** null: for ever. */
    expiresDays: z.number().positive().max(MOST_DAYS).nullable(),
    quotaBytes: quotaOfAccount,
  }),
  output: z.object({
    invite: z.string(),
    code: z.string(),
    uses: z.number(),
    expiresMs: z.number().nullable(),
    quotaBytes: z.number().nullable(),
    /** What the server does with codes at present. */
    registration: z.enum(['open', 'invite', 'closed']),
  }),
  async run(deps, input) {
    const { uses, expiresDays, quotaBytes } = input
    const expiresMs = expiresDays === null ? null : deps.clock.nowMs() + Math.round(expiresDays * DAY_MS)
    const { id, code } = await createInvite(deps, { uses, expiresMs, quotaBytes })
    return { invite: hex(id), code, uses, expiresMs, quotaBytes, registration: deps.registration }
  },
})

/** `invite-list`: invitations, the newest first, without their codes. */
export const inviteList = defineOperation({
  name: 'invite-list',
  input: z.strictObject({
    /** Also those that can't be used any more. */
    all: z.boolean().default(false),
  }),
  output: z.object({
    invites: z.array(
      z.object({
        invite: z.string(),
        uses: z.number(),
        used: z.number(),
        quotaBytes: z.number().nullable(),
        createdMs: z.number(),
        expiresMs: z.number().nullable(),
        revokedMs: z.number().nullable(),
      }),
    ),
    /** Whether there are older ones that are not shown. */
    more: z.boolean(),
  }),
  async run(deps, input) {
    const found = await listInvites(deps, { all: input.all, limit: MOST_LISTED + 1 })
    const invites = found.slice(0, MOST_LISTED).map(({ id, ...rest }) => ({ invite: hex(id), ...rest }))
    return { invites, more: found.length > invites.length }
  },
})

/** `invite-revoke`: takes an invitation back; accounts that were made with it stay. */
export const inviteRevoke = defineOperation({
  name: 'invite-revoke',
  input: z.strictObject({ invite: z.string().regex(/^[0-9a-f]{32}$/, 'it is the id of an invitation') }),
  output: z.object({ invite: z.string() }),
  async run(deps, input) {
    if (await revokeInvite(deps, Buffer.from(input.invite, 'hex'))) return { invite: input.invite }
    throw new AdminError('not_found', 'There is no such invitation; see them with "strongroom admin invite list".')
  },
})
