import { z } from 'zod'
import { hex } from '../../domain/bytes.ts'
import { disclose as discloseAccount } from '../../domain/operators/disclose.ts'
import { NOT_OF_ACCOUNTS } from '../../domain/operators/disclosed-tables.ts'
import { accountName, accountOf } from '../account-name.ts'
import { defineOperation } from '../operation.ts'

/** `disclose`: all that the server holds about an account, row by row as items. */
export const disclose = defineOperation({
  name: 'disclose',
  input: z.strictObject({ account: accountName, full: z.boolean().default(false) }),
  output: z.object({
    account: z.string(),
    disclosedMs: z.number(),
    rows: z.record(z.string(), z.number()),
    /** Tables that hold nothing about accounts, with the reason. */
    elsewhere: z.record(z.string(), z.string()),
  }),
  async run(deps, input, call) {
    const accountId = await accountOf(deps, input.account, { deleted: true })
    const disclosedMs = deps.clock.nowMs()
    const options = { accountId, full: input.full, signal: call.signal }
    const rows = await discloseAccount(deps, options, (row) => call.item({ ...row }))
    return { account: hex(accountId), disclosedMs, rows, elsewhere: { ...NOT_OF_ACCOUNTS } }
  },
})
