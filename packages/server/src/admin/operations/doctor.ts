import { z } from 'zod'
import { type Check, notes } from '../../doctor/check.ts'
import { checkDatabase } from '../../doctor/database.ts'
import { defineOperation } from '../operation.ts'

/** `doctor`: what is to be said of the server's own database; checks come as items. */
export const doctor = defineOperation({
  name: 'doctor',
  input: z.strictObject({}),
  output: z.object({ keyId: z.string().nullable() }),
  async run(deps, _input, call) {
    const checks: Check[] = []
    await checkDatabase(
      deps.database,
      notes((check) => checks.push(check)),
    )
    for (const check of checks) await call.item({ ...check })
    const row = await deps.database
      .selectFrom('kms_keys')
      .select('id')
      .where('state', '=', 'current')
      .where('account_id', 'is', null)
      .executeTakeFirst()
    return { keyId: row?.id ?? null }
  },
})
