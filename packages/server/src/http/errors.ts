import { type ApiErrorCode, ERRORS, type ErrorBody } from '@strongroom/protocol'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { refusalOf } from '../domain/dependency-errors.ts'
import { ServerError } from '../domain/errors.ts'
import type { Logger } from '../ports/index.ts'

const FRAMEWORK: Readonly<Record<string, ApiErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'bad_request',
  FST_ERR_CTP_INVALID_JSON_BODY: 'bad_request',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_BAD_URL: 'bad_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  ERR_STREAM_PREMATURE_CLOSE: 'bad_request',
}

/** The refusal that an error means to the caller; what is not known is `internal` and says nothing. */
export function toRefusal(error: unknown): ServerError {
  const known = refusalOf(error)
  if (known !== null) return known
  const code = (error as Partial<FastifyError>).code
  const framework = code === undefined ? undefined : FRAMEWORK[code]
  if (framework !== undefined) return new ServerError(framework, { cause: error })
  const status = (error as Partial<FastifyError>).statusCode
  if (status !== undefined && status >= 400 && status < 500) return new ServerError('bad_request', { cause: error })
  return new ServerError('internal', { cause: error })
}

/** Answers with an error of the catalogue. */
export function sendRefusal(request: FastifyRequest, reply: FastifyReply, refusal: ServerError): FastifyReply {
  const { status, advice } = ERRORS[refusal.code]
  const body: ErrorBody = { code: refusal.code, message: advice, requestId: request.id }
  if (refusal.details !== undefined) body.details = { ...refusal.details }
  if (refusal.retryAfterSeconds !== undefined) reply.header('retry-after', refusal.retryAfterSeconds)
  reply.removeHeader('content-length')
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body))
}

/** Where an unexpected error was thrown: function names and lines of the stack, never its message. */
function stackOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim())
    .join(' | ')
}

export function errorHandler(logger: Logger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = toRefusal(error)
    const cause = refusal.cause ?? error
    const kind = cause instanceof Error ? cause.name : typeof cause
    if (refusal.code === 'internal')
      logger.error({ requestId: request.id, kind, stack: stackOf(cause) }, 'request failed')
    else if (ERRORS[refusal.code].status >= 500) {
      const code = (cause as { code?: unknown }).code
      logger.warn(
        { requestId: request.id, kind, code: typeof code === 'string' ? code : refusal.code },
        'dependency failed',
      )
    }
    return sendRefusal(request, reply, refusal)
  }
}
