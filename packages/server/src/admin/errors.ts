import { ERRORS } from '@strongroom/protocol'
import { BackupError } from '../domain/backup/manifest.ts'
import { refusalOf } from '../domain/dependency-errors.ts'
import { BackupFolderError } from '../ports/index.ts'

export const ADMIN_ERROR_CODES = [
  /** The call makes no sense: mend it. */
  'usage',
  'not_found',
  /** Stored bytes do not verify. */
  'integrity',
  'conflict',
  /** No server can be reached, or something that it depends on is down. */
  'unavailable',
  /** The server that answers is of another version. */
  'upgrade_required',
  'interrupted',
  'failed',
] as const
export type AdminErrorCode = (typeof ADMIN_ERROR_CODES)[number]

/** Why an operation failed; the message is one line for an operator and says what to do. */
export class AdminError extends Error {
  readonly code: AdminErrorCode

  constructor(code: AdminErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AdminError'
    this.code = code
  }
}

const BY_REFUSAL: Readonly<Record<string, AdminErrorCode>> = {
  bad_request: 'usage',
  not_found: 'not_found',
  stored_data_damaged: 'integrity',
  unavailable: 'unavailable',
  storage_full: 'unavailable',
  upgrade_required: 'upgrade_required',
}

/** Whatever an operation threw, as an operator may see it: no stack, no value of a row. */
export function toAdminError(error: unknown, signal: AbortSignal): AdminError {
  if (error instanceof AdminError) return error
  const ofBackup = backupError(error)
  if (ofBackup !== null) return ofBackup
  if (signal.aborted) return new AdminError('interrupted', 'The operation was interrupted.', { cause: error })
  const refusal = refusalOf(error)
  if (refusal === null) return new AdminError('failed', 'The operation failed for an unknown reason.', { cause: error })
  return new AdminError(BY_REFUSAL[refusal.code] ?? 'failed', ERRORS[refusal.code].advice, { cause: error })
}

/** What is wrong with a backup or its folder, as an operator may see it; null for any other error. */
export function backupError(error: unknown): AdminError | null {
  if (error instanceof BackupError) return new AdminError(error.code, error.message, { cause: error })
  if (!(error instanceof BackupFolderError)) return null
  return new AdminError(error.code === 'not_found' ? 'not_found' : 'unavailable', error.message, { cause: error })
}
