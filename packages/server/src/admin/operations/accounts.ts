import { z } from 'zod'
import { disableAccount, enableAccount } from '../../domain/accounts/disabled.ts'
import { hex } from '../../domain/bytes.ts'
import { ServerError } from '../../domain/errors.ts'
import { describeAccount } from '../../domain/operators/list-accounts.ts'
import { setQuota } from '../../domain/operators/set-quota.ts'
import { accountName, accountOf } from '../account-name.ts'
import { type AdminDeps, defineOperation } from '../operation.ts'

/** Bytes that an account may store; null for the server's default. */
export const quotaOfAccount = z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullable()

/** `quota`: shows an account's quota, or sets it. */
export const quota = defineOperation({
  name: 'quota',
  input: z.strictObject({ account: accountName, quotaBytes: quotaOfAccount.optional() }),
  output: z.object({
    account: z.string(),
    usedBytes: z.number(),
    quotaBytes: z.number(),
    /** Whether the quota is the server's default. */
    defaultQuota: z.boolean(),
  }),
  async run(deps, input) {
    const id = await accountOf(deps, input.account)
    if (input.quotaBytes !== undefined) await setQuota(deps, id, input.quotaBytes)
    const { usedBytes, quotaBytes } = await readOne(deps, id)
    return {
      account: hex(id),
      usedBytes,
      quotaBytes: quotaBytes ?? deps.quotaBytes,
      defaultQuota: quotaBytes === null,
    }
  },
})

const switched = z.object({ account: z.string(), changed: z.boolean() })

/** `disable`: nobody may use the account, and nothing of it is deleted. */
export const disable = defineOperation({
  name: 'disable',
  input: z.strictObject({ account: accountName }),
  output: switched,
  async run(deps, input) {
    const id = await accountOf(deps, input.account)
    return { account: hex(id), changed: await disableAccount(deps, id) }
  },
})

/** `enable`: takes `disable` back. */
export const enable = defineOperation({
  name: 'enable',
  input: z.strictObject({ account: accountName }),
  output: switched,
  async run(deps, input) {
    const id = await accountOf(deps, input.account)
    return { account: hex(id), changed: await enableAccount(deps, id) }
  },
})

async function readOne(deps: AdminDeps, id: Uint8Array) {
  const account = await describeAccount(deps, id)
  if (account === null) throw new ServerError('not_found')
  return account
}
