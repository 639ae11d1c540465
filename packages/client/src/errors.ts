/** What went wrong, in the caller's terms; `docs/sdk.md` says what to do about each. */
export type ClientErrorCode =
  /** The call itself makes no sense: a bad path, name or option. */
  | 'usage'
  | 'not_found'
  /** Wrong login or password, or the session ended: log in (again). */
  | 'authentication'
  /** Something fails verification: stop, nothing that was read may be used. */
  | 'integrity'
  /** Someone else's change wins, or the bounded retries of a compare-and-swap ran out. */
  | 'conflict'
  /** The server can't be reached, or stopped answering. */
  | 'network'
  /** The server answered with an error, or with something that is not the protocol. */
  | 'server'
  | 'quota'
  /** Some items of a batch failed; `details` counts them. */
  | 'partly_done'
  | 'exists'
  | 'not_a_folder'
  | 'is_a_folder'
  | 'aborted'
  | 'source_changed'
  | 'local_io'
  /** This side is older than what it met. */
  | 'upgrade_required'
  | 'registration_closed'
  /** The server takes invited people only. */
  | 'invite_required'
  /** The invitation is unknown, used up, expired or revoked: `details.reason`, as `invite_expired`. */
  | 'invite_invalid'
  /** The operator has disabled the account; nothing of it was deleted. */
  | 'account_disabled'
  | 'login_taken'

/** Facts for machines; never a secret, a name or content. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

/** The one error class of this package. */
export class ClientError extends Error {
  readonly code: ClientErrorCode
  readonly details: ErrorDetails

  constructor(code: ClientErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ClientError'
    this.code = code
    this.details = options.details ?? {}
  }
}

/** An integrity stop: verification of `what` failed. */
export function integrityError(what: string, cause?: unknown): ClientError {
  return new ClientError('integrity', `Verification failed: ${what}.`, { cause })
}

/** The stop for a redirect, which is never followed. */
export function redirected(): ClientError {
  return new ClientError('integrity', 'The server redirects to another address, which is never followed.', {
    details: { reason: 'redirected' },
  })
}

/**
 * The stop for stored data of a version that this client does not know.
 *
 * Reason for `unproven`: nothing can be verified of it, so that a newer client may have written it, or anybody else.
 */
export function unknownVersion(what: string, cause: unknown): ClientError {
  return new ClientError('upgrade_required', `This client does not know the version of ${what}.`, {
    cause,
    details: { reason: 'unproven' },
  })
}

/** Throws `aborted` once the signal is set. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ClientError('aborted', 'The operation was interrupted.')
}
