import { CryptoError, parseRecoveryKey, type RecoveryKey, RecoveryKeyError } from '@strongroom/crypto'
import { ClientError } from '../errors.ts'

/**
 * Reads a recovery key as it was typed.
 *
 * @throws ClientError `usage`; `details.reason` is `recovery_key_mistyped` and `details.groups` says where, as "3, 5",
 * or is empty where that cannot be told
 */
export function readRecoveryKey(text: string): RecoveryKey {
  try {
    return parseRecoveryKey(text)
  } catch (cause) {
    if (cause instanceof RecoveryKeyError) throw mistyped(cause)
    if (cause instanceof CryptoError && cause.code === 'upgrade_required') {
      throw new ClientError('upgrade_required', 'The recovery key is of a newer kind; upgrade this client.', { cause })
    }
    throw cause
  }
}

/** Checks the spelling of a recovery key; asks nobody. @throws ClientError as `readRecoveryKey` */
export function checkRecoveryKey(text: string): void {
  readRecoveryKey(text).dispose()
}

function mistyped(cause: RecoveryKeyError): ClientError {
  const groups = cause.suspectGroups.join(', ')
  const where =
    groups === '' ? 'its eight groups' : cause.suspectGroups.length === 1 ? `group ${groups}` : `groups ${groups}`
  const message = `The recovery key is not spelt right; look at ${where} again.`
  return new ClientError('usage', message, { cause, details: { reason: 'recovery_key_mistyped', groups } })
}
