import { systemCode } from '../../system-code.ts'

export type EmbeddedDatabaseErrorCode =
  /** No PostgreSQL binaries for this platform are installed. */
  | 'binaries_missing'
  /** Another server works on the same data folder. */
  | 'data_folder_in_use'
  /** The database was made by another major version, or is not one of ours. */
  | 'data_folder_foreign'
  | 'permission_denied'
  | 'disk_full'
  /** PostgreSQL did not start; the message holds its own reason. */
  | 'start_failed'

/** Why the embedded database did not start: one line that says what to do. */
export class EmbeddedDatabaseError extends Error {
  readonly code: EmbeddedDatabaseErrorCode

  constructor(code: EmbeddedDatabaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EmbeddedDatabaseError'
    this.code = code
  }
}

/** Turns an error of the file system under `folder` into one line; other errors are returned as they are. */
export function explainFileError(error: unknown, folder: string): unknown {
  switch (systemCode(error)) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new EmbeddedDatabaseError(
        'permission_denied',
        `The data folder ${folder} cannot be written by this user; give it the rights or name another by STRONGROOM_DATA.`,
        { cause: error },
      )
    case 'ENOSPC':
    case 'EDQUOT':
      return new EmbeddedDatabaseError(
        'disk_full',
        `The disk that holds the data folder ${folder} is full; free some room and start again.`,
        { cause: error },
      )
    case 'ENOTDIR':
    case 'EEXIST':
      return new EmbeddedDatabaseError(
        'data_folder_foreign',
        `The data folder ${folder} has a file where a folder is needed; name another by STRONGROOM_DATA.`,
        { cause: error },
      )
    default:
      return error
  }
}
