import { ClientError } from '@strongroom/client'
import type { CommandContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { CliError } from './failure.ts'
import { askText, canAsk } from './prompts.ts'
import { secretFromEnvironment } from './secrets.ts'

/** How often a person is asked for a code. */
const TRIES = 3

/**
 * What asks for a code of the second factor: `STRONGROOM_CODE` (or `_FILE`, `_COMMAND`), else the terminal, three times.
 *
 * The returned function throws CliError `authentication` when there is neither, or the codes were wrong.
 */
export function codeAsker(
  { environment, signal }: Pick<CommandContext, 'environment' | 'signal'>,
  message = 'Code of your authenticator, or a backup code',
): (request: { attempt: number }) => Promise<string> {
  return async ({ attempt }) => {
    const given = await secretFromEnvironment(environment, 'STRONGROOM_CODE')
    if (given !== null) {
      if (attempt === 1) return given
      throw refused('The code of STRONGROOM_CODE is wrong, too old, or was used before; take the next one.')
    }
    const missing = 'A code of the second factor is needed: set STRONGROOM_CODE, or use a terminal.'
    if (!canAsk()) throw refused(missing)
    if (attempt > TRIES) throw refused('That was no right code either; wait for the next one, then try again.')
    if (attempt > 1) process.stderr.write('That code is wrong, too old, or was used before.\n')
    return await askText(message, { signal, missing })
  }
}

/** Runs what takes a code with one, again while it is wrong. @throws CliError as the function of {@link codeAsker} */
export async function withCode<T>(ask: ReturnType<typeof codeAsker>, task: (code: string) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const code = await ask({ attempt })
    try {
      return await task(code)
    } catch (error) {
      const isWrong = error instanceof ClientError && error.details.reason === 'second_factor_failed'
      if (!isWrong) throw error
    }
  }
}

function refused(message: string): CliError {
  return new CliError(EXIT.authentication, message)
}
