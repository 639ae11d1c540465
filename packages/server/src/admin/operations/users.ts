import { z } from 'zod'
import { hex } from '../../domain/bytes.ts'
import { ServerError } from '../../domain/errors.ts'
import {
  describeAccount,
  type ListedAccount,
  type ListPlace,
  listAccounts,
} from '../../domain/operators/list-accounts.ts'
import { accountName, accountOf } from '../account-name.ts'
import { defineOperation } from '../operation.ts'

const listed = z.object({
  account: z.string(),
  createdMs: z.number(),
  disabledMs: z.number().nullable(),
  usedBytes: z.number(),
  quotaBytes: z.number(),
  /** Whether the quota is the server's default. */
  defaultQuota: z.boolean(),
  lastUsedMs: z.number().nullable(),
  sessions: z.number(),
  secondFactor: z.boolean(),
})

/** `users`: accounts, the oldest first, page by page; or one of them. */
export const users = defineOperation({
  name: 'users',
  input: z.strictObject({
    account: accountName.optional(),
    limit: z.int().min(1).max(1000).default(100),
    /** `next` of the page before. */
    after: z
      .string()
      .regex(/^\d{1,15}-[0-9a-f]{32}$/, 'it is what the page before has named')
      .optional(),
  }),
  output: z.object({ accounts: z.array(listed), next: z.string().nullable() }),
  async run(deps, input) {
    const show = (account: ListedAccount) => shown(account, deps.quotaBytes)
    if (input.account !== undefined) {
      const id = await accountOf(deps, input.account)
      const account = await describeAccount(deps, id)
      if (account === null) throw new ServerError('not_found')
      return { accounts: [show(account)], next: null }
    }
    const page = await listAccounts(deps, { after: place(input.after), limit: input.limit + 1 })
    const accounts = page.slice(0, input.limit)
    const last = accounts.at(-1)
    const more = page.length > accounts.length && last !== undefined
    return { accounts: accounts.map(show), next: more ? `${last.createdMs}-${hex(last.id)}` : null }
  },
})

function place(after: string | undefined): ListPlace | null {
  if (after === undefined) return null
  const [createdMs = '', id = ''] = after.split('-')
  return { createdMs: Number(createdMs), id: Buffer.from(id, 'hex') }
}

function shown(account: ListedAccount, defaultQuotaBytes: number): z.output<typeof listed> {
  const { id, quotaBytes, ...rest } = account
  return {
    account: hex(id),
    ...rest,
    quotaBytes: quotaBytes ?? defaultQuotaBytes,
    defaultQuota: quotaBytes === null,
  }
}
