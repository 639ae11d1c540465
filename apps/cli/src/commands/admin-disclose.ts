import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { writeStdout } from '../stdout.ts'
import { terminalJson } from '../terminal-text.ts'
import { isoTime } from '../times.ts'
import type { Admin } from './serve.ts'

interface DisclosedRow {
  readonly table: string
  readonly row: Readonly<Record<string, unknown>>
}

interface Disclosed {
  readonly account: string
  readonly disclosedMs: number
  readonly rows: Readonly<Record<string, number>>
  readonly elsewhere: Readonly<Record<string, string>>
}

/** `admin disclose`: all that the server holds about an account, as one JSON document that is written as it comes. */
export async function adminDisclose(
  { output, signal }: CommandContext,
  admin: Admin,
  account: string,
  flags: { full?: boolean },
): Promise<ExitCode> {
  const print = (text: string) => writeStdout(Buffer.from(text, 'utf8'))
  let table: string | null = null
  const onItem = async (value: unknown): Promise<void> => {
    const item = value as DisclosedRow // as the operation declares it
    const isNew = item.table !== table
    const before = table === null ? '{"tables": {\n' : isNew ? '\n    ],\n' : ',\n'
    const opening = isNew ? `    ${JSON.stringify(item.table)}: [\n` : ''
    table = item.table
    await print(`${before}${opening}      ${terminalJson(item.row)}`)
  }
  const answer = await admin.call('disclose', { account, full: flags.full ?? false }, { signal, onItem })
  const { disclosedMs, ...rest } = answer as Disclosed // checked there
  const tail = terminalJson({ ...rest, disclosed: isoTime(disclosedMs) }, 2).slice(2)
  await print(`${table === null ? '{"tables": {' : '\n    ]'}\n  },\n${tail}\n`)
  output.note('This is all that the server holds about the account; the account can read that it was handed out.')
  return EXIT.done
}
