import type { ApiErrorCode } from '@strongroom/protocol'

export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

/** A refusal that the caller may see: a code of the API's catalogue, with details for machines. */
export class ServerError extends Error {
  readonly code: ApiErrorCode
  readonly details: ErrorDetails | undefined
  /** Whole seconds for Retry-After. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ApiErrorCode,
    options: { details?: ErrorDetails; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ServerError'
    this.code = code
    this.details = options.details
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
