import { UsageError } from './failure.ts'
import { type Environment, holdsOtherBytes, secretFromEnvironment } from './secrets.ts'

/** Whether a person can be asked. */
export function canAsk(): boolean {
  return Boolean(process.stdin.isTTY) && Boolean(process.stderr.isTTY)
}

// Reason: most commands never ask, and need not wait for what asking takes to load.
const questions = (): Promise<typeof import('@inquirer/prompts')> => import('@inquirer/prompts')

// Reason: stdout belongs to data; questions go to stderr, so that `cat … > file` can still ask.
const context = (signal: AbortSignal): { output: NodeJS.WriteStream; signal: AbortSignal } => ({
  output: process.stderr,
  signal,
})

export interface PasswordRequest {
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly message: string
  /** Asked a second time, so that a slip cannot lock the user out. */
  readonly repeat: boolean
  /** Variable that may hold it, as may `_FILE` and `_COMMAND`; `STRONGROOM_PASSWORD` unless told. */
  readonly variable?: string
}

/**
 * A password: from its variable, `_FILE` or `_COMMAND`, else asked for.
 *
 * @throws UsageError when there is neither a source nor a terminal
 */
export async function readPassword(request: PasswordRequest): Promise<string> {
  const variable = request.variable ?? 'STRONGROOM_PASSWORD'
  const given = await secretFromEnvironment(request.environment, variable)
  if (given !== null) return given
  if (!canAsk()) {
    const what = request.variable === undefined ? 'password' : 'new password'
    throw new UsageError(`No ${what}: set ${variable}, ${variable}_FILE or ${variable}_COMMAND, or use a terminal.`)
  }
  const { password } = await questions()
  for (;;) {
    const first = await password({ message: request.message, mask: true }, context(request.signal))
    if (first === '') {
      process.stderr.write('A password is needed; press Ctrl-C to give up.\n')
      continue
    }
    if (holdsOtherBytes(first)) {
      process.stderr.write('That was not UTF-8 text; set your terminal to UTF-8, or press Ctrl-C to give up.\n')
      continue
    }
    if (!request.repeat) return first
    const second = await password({ message: 'The same password again', mask: true }, context(request.signal))
    if (first === second) return first
    process.stderr.write('The two differ; try again.\n')
  }
}

/**
 * A line of text from the terminal.
 *
 * @throws UsageError with `missing` when there is no terminal
 */
export async function askText(
  message: string,
  options: { signal: AbortSignal; missing: string; default?: string },
): Promise<string> {
  if (!canAsk()) throw new UsageError(options.missing)
  const { input } = await questions()
  const preset = options.default === undefined ? {} : { default: options.default }
  const text = await input({ message, required: true, ...preset }, context(options.signal))
  return text.trim()
}

/** A yes or no from the terminal; Enter alone is no. */
export async function askYes(message: string, signal: AbortSignal): Promise<boolean> {
  const { confirm } = await questions()
  return await confirm({ message, default: false }, context(signal))
}

/**
 * Shows the recovery key once, takes it off the screen when it is written down, and asks to type it back until it is
 * right. Whoever cannot presses Ctrl-C: nothing is made or changed before this ends.
 *
 * @param untilThen - what stays as it is until the key was typed, as a clause
 */
export async function confirmRecoveryKey(
  recoveryKey: string,
  signal: AbortSignal,
  untilThen = 'no account has been made yet',
): Promise<void> {
  const { input } = await questions()
  const lines = [
    '',
    'Your recovery key. It is the only way back in if you forget the password, and it is shown only now:',
    '',
    `    ${recoveryKey}`,
    '',
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
  await input({ message: 'Write it down on paper, then press Enter' }, context(signal))
  // The block above plus the answered prompt's line are wiped, so that typing back proves that it was written down.
  process.stderr.write(`\u001b[${lines.length + 1}A\u001b[J`)
  for (;;) {
    const typed = await input({ message: 'Type the recovery key from your paper', required: true }, context(signal))
    process.stderr.write('\u001b[1A\u001b[J')
    if (foldRecoveryKey(typed) === foldRecoveryKey(recoveryKey)) return
    process.stderr.write(`That is not the key; try again, or press Ctrl-C: ${untilThen}.\n`)
  }
}

/**
 * A recovery key from the terminal, taken off the screen at once; asked for again while it is not spelt right.
 *
 * @param problem - says what is wrong with a text, or null
 */
export async function askRecoveryKey(
  message: string,
  signal: AbortSignal,
  problem: (text: string) => string | null,
): Promise<string> {
  const { input } = await questions()
  for (;;) {
    const typed = await input({ message, required: true }, context(signal))
    process.stderr.write('\u001b[1A\u001b[J')
    const wrong = problem(typed)
    if (wrong === null) return typed
    process.stderr.write(`${wrong}\n`)
  }
}

/** A recovery key without what people write differently: case, spaces, dashes, O for 0, I and L for 1. */
export function foldRecoveryKey(text: string): string {
  return text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
}
