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
export function codeAsker({
  environment,
  signal,
}: Pick<CommandContext, 'environment' | 'signal'>): (request: { attempt: number }) => Promise<string> {
  return async ({ attempt }) => {
    const given = await secretFromEnvironment(environment, 'STRONGROOM_CODE')
    if (given !== null) {
      if (attempt === 1) return given
      throw refused('The code of STRONGROOM_CODE is wrong, too old, or was used before; take the next one.')
    }
    const missing = 'The account asks for a second factor: set STRONGROOM_CODE to a code, or use a terminal.'
    if (!canAsk()) throw refused(missing)
    if (attempt > TRIES) throw refused('That was no right code either; wait for the next one, then try again.')
    if (attempt > 1) process.stderr.write('That code is wrong, too old, or was used before.\n')
    return await askText('Code of your authenticator, or a backup code', { signal, missing })
  }
}

function refused(message: string): CliError {
  return new CliError(EXIT.authentication, message)
}
