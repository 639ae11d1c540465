import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError } from '../failure.ts'
import { count } from '../quantity.ts'
import type { Admin } from './serve.ts'

interface Verification {
  readonly accounts: number
  readonly entries: number
  readonly faulty: number
  readonly without: number
}

interface Fault {
  readonly account: string
  readonly seq: number
  readonly fault: 'changed' | 'missing' | 'head'
}

const FAULTS = { changed: 'was changed', missing: 'is missing', head: 'is not the one that the log ends in' } as const

/** `admin audit verify`: whether the audit logs hold, as far as the database can tell. */
export async function adminAuditVerify(
  { output, signal }: CommandContext,
  admin: Admin,
  account: string | undefined,
): Promise<ExitCode> {
  const faults: Fault[] = []
  const onItem = (item: unknown) => {
    const fault = item as Fault // checked there
    faults.push(fault)
    if (!output.json) output.line(`${fault.account}  entry ${fault.seq} ${FAULTS[fault.fault]}`)
  }
  const onProgress = (done: unknown) => {
    if (!output.interactive) return
    const { accounts, entries } = done as Verification // checked there
    process.stderr.write(`\r${count(accounts, 'account')}, ${entries} entries\u001b[K`)
  }
  const input = account === undefined ? {} : { account }
  const answer = (await admin.call('audit-verify', input, { signal, onItem, onProgress })) as Verification // checked there
  if (output.interactive) process.stderr.write('\r\u001b[K')
  if (output.json) output.document({ ...answer, faults })
  const { accounts, entries, faulty, without } = answer
  if (without > 0) output.note(`${count(without, 'account')} without a log, made before servers kept one.`)
  if (faulty > 0) {
    throw new CliError(
      EXIT.integrity,
      `The audit logs of ${count(faulty, 'account')} do not hold: someone changed the database.`,
    )
  }
  output.note(`The audit logs of ${count(accounts, 'account')} hold: ${entries} entries.`)
  return EXIT.done
}
