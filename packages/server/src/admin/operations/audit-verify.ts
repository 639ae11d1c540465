import { z } from 'zod'
import { verifyAudits } from '../../domain/audit/verify.ts'
import { hex } from '../../domain/bytes.ts'
import { accountName, accountOf } from '../account-name.ts'
import { defineOperation } from '../operation.ts'

/** `audit verify`: computes the audit logs anew; accounts whose log does not hold come as items. */
export const auditVerify = defineOperation({
  name: 'audit-verify',
  input: z.strictObject({ account: accountName.optional() }),
  output: z.object({ accounts: z.number(), entries: z.number(), faulty: z.number(), without: z.number() }),
  async run(deps, input, call) {
    const accountId = input.account === undefined ? undefined : await accountOf(deps, input.account)
    return verifyAudits(deps.database, {
      accountId,
      step: async (done) => {
        call.signal.throwIfAborted()
        await call.progress(done)
      },
      report: ({ accountId: id, seq, fault }) => call.item({ account: hex(id), seq, fault }),
    })
  },
})
