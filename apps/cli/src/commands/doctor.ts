import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError } from '../failure.ts'
import { count } from '../quantity.ts'
import { terminalText } from '../terminal-text.ts'
import type { Check, ServerModule } from './serve.ts'

const MARKS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const

function checkLines({ name, status, found, mend }: Check): string {
  const lines = [`${MARKS[status]}  ${name}: ${found}`]
  if (mend !== '') lines.push(`      → ${mend}`)
  return lines.map(terminalText).join('\n')
}

/** `doctor`: tries every engine that the server's settings name, and says what to change. */
export async function doctor(
  { output, environment }: CommandContext,
  server: ServerModule,
  flags: { policies?: boolean },
): Promise<ExitCode> {
  const onCheck = (check: Check): void => {
    if (!output.json && !(output.quiet && check.status === 'ok')) output.line(checkLines(check))
  }
  const { checks, cors, policy } = await server.examine(environment, onCheck)
  const failed = checks.filter(({ status }) => status === 'fail')
  const warned = checks.filter(({ status }) => status === 'warn')
  const isWanted = (word: string): boolean => failed.some(({ mend }) => mend.includes(word))
  if (output.json) output.document({ ok: failed.length === 0, checks, cors, policy })
  else {
    if (cors !== null && (flags.policies || isWanted('CORS rules'))) printBlock(output.line, 'CORS rules', cors)
    if (policy !== null && (flags.policies || isWanted('policy'))) printBlock(output.line, 'policy', policy)
  }
  if (failed.length > 0)
    throw new CliError(EXIT.failed, `${count(failed.length, 'problem')}, ${count(warned.length, 'warning')}.`)
  output.note(
    warned.length === 0 ? 'Everything is as it should be.' : `No problem, ${count(warned.length, 'warning')}.`,
  )
  return EXIT.done
}

function printBlock(line: (text: string) => void, name: string, value: object): void {
  line('')
  line(`${name}:`)
  line(JSON.stringify(value, null, 2))
}
