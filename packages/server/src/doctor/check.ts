/** One thing that was looked at. */
export interface Check {
  /** What, as `store.write`: engine and aspect. */
  readonly name: string
  /** `fail`: something will not work, or will be lost. `warn`: it works, and is not as it should be. */
  readonly status: 'ok' | 'warn' | 'fail'
  /** What was seen, in one line; never a secret. */
  readonly found: string
  /** What to do; empty where nothing has to be done. */
  readonly mend: string
}

/** What a look at one engine hands its checks to. */
export interface Notes {
  ok(name: string, found: string): void
  warn(name: string, found: string, mend: string): void
  fail(name: string, found: string, mend: string): void
}

export function notes(take: (check: Check) => void): Notes {
  return {
    ok: (name, found) => take({ name, status: 'ok', found, mend: '' }),
    warn: (name, found, mend) => take({ name, status: 'warn', found, mend }),
    fail: (name, found, mend) => take({ name, status: 'fail', found, mend }),
  }
}

/** The line of an error that was made for operators, else its class. */
export function lineOf(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown error'
  const forOperators = ['BlobStoreError', 'KeyManagementError', 'DatabaseError', 'ConfigError']
  if (forOperators.includes(error.name)) return error.message.split('\n')[0] ?? error.name
  const code = (error as NodeJS.ErrnoException).code
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}
