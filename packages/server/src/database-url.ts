import pg from 'pg'

/** What is wrong with a DATABASE_URL; the message never repeats a part of it. */
export class DatabaseUrlError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseUrlError'
  }
}

/** What PostgreSQL's own programs take for three shades of less; here all of them check the server's certificate. */
const CHECKED = ['prefer', 'require', 'verify-ca']
const MODES = ['disable', 'no-verify', 'verify-full', ...CHECKED]

/**
 * Reads a DATABASE_URL and the certificates that it names.
 *
 * @throws DatabaseUrlError
 */
export function databaseConnection(text: string): pg.ClientConfig {
  const mode = /[?&]sslmode=([^&]*)/.exec(text)?.[1]
  if (mode !== undefined && !MODES.includes(mode)) {
    throw new DatabaseUrlError(`has an sslmode that is not known; known are ${MODES.join(', ')}`)
  }
  const connectionString = text.replace(/([?&]sslmode=)([^&]*)/, (whole, name: string, value: string) =>
    CHECKED.includes(value) ? `${name}verify-full` : whole,
  )
  try {
    // Reads the URL as every later connection does.
    new pg.Client({ connectionString })
  } catch (cause) {
    throw new DatabaseUrlError(
      (cause as NodeJS.ErrnoException).syscall === undefined
        ? 'cannot be read; special characters of its parts have to be written as %XX'
        : 'names a certificate or key that cannot be read',
      { cause },
    )
  }
  return { connectionString }
}
