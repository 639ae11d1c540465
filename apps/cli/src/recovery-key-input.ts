import { readFile } from 'node:fs/promises'
import { ClientError, checkRecoveryKey } from '@strongroom/client'
import type { CommandContext } from './context.ts'
import { UsageError } from './failure.ts'
import { askRecoveryKey, canAsk } from './prompts.ts'
import { secretFromEnvironment } from './secrets.ts'
import { errorText } from './system-errors.ts'

/** Far above any recovery key, in bytes; keeps a wrong file from being taken for one. */
const MAX_BYTES = 4096

/**
 * The recovery key: from a file, else from `STRONGROOM_RECOVERY_KEY_FILE` (or `_COMMAND`, or the variable itself), else
 * asked for until it is spelt right.
 *
 * @throws UsageError when there is neither source nor terminal; ClientError `usage` naming the groups that are mistyped
 */
export async function readRecoveryKey(context: CommandContext, file: string | undefined): Promise<string> {
  const given =
    file === undefined
      ? await secretFromEnvironment(context.environment, 'STRONGROOM_RECOVERY_KEY')
      : await readKeyFile(file)
  if (given !== null) {
    checkRecoveryKey(given)
    return given
  }
  if (!canAsk()) {
    throw new UsageError(
      'No recovery key: give --recovery-key-file FILE, set STRONGROOM_RECOVERY_KEY_FILE, or use a terminal.',
    )
  }
  return await askRecoveryKey('Recovery key', context.signal, spellingError)
}

/** What is wrong with the spelling of a key, or null. */
function spellingError(text: string): string | null {
  try {
    checkRecoveryKey(text)
    return null
  } catch (error) {
    if (error instanceof ClientError && error.code === 'usage') return error.message
    throw error
  }
}

async function readKeyFile(file: string): Promise<string> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (cause) {
    throw new UsageError(`The file of the recovery key cannot be read (${errorText(cause)}).`, { cause })
  }
  if (bytes.length > MAX_BYTES) throw new UsageError('The file of the recovery key holds something else.')
  const text = bytes.toString('utf8')
  bytes.fill(0)
  return text
}
