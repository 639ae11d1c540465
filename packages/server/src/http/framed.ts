import { type BodyOf, FRAMED, type ROUTES, unframe } from '@strongroom/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Reservation } from '../domain/blobs/reserve.ts'
import { ServerError } from '../domain/errors.ts'

/** A framed body: its JSON, and the bytes behind it. */
export class Framed {
  readonly json: unknown
  readonly payload: Uint8Array

  constructor(json: unknown, payload: Uint8Array) {
    this.json = json
    this.payload = payload
  }
}

export function isFramed({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase() === FRAMED
}

/** Reads framed bodies, as `Framed`; which routes take them is theirs to say. */
export function acceptFramed(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser(FRAMED, { parseAs: 'buffer' }, (request, body, done) => {
    const parts = unframe(body as Buffer) // As `parseAs` says.
    if (parts === null) return done(refused('framing'))
    const { json, bytes } = parts
    const text = Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8')
    parseJson(request, text, (error, value) => done(error, new Framed(value, bytes)))
  })
}

function refused(problem: string): ServerError {
  return new ServerError('bad_request', { details: { path: 'body', problem } })
}

/**
 * Reservations with the bytes of their parts, each in its turn of the payload.
 *
 * @throws ServerError `bad_request` unless the parts are all of the payload
 */
export function withParts(
  blobs: BodyOf<(typeof ROUTES)['blobsReserve']>['blobs'],
  payload: Uint8Array | null,
): Reservation[] {
  const bytes = payload ?? new Uint8Array(0)
  let at = 0
  const reservations = blobs.map(({ framedPart, ...blob }): Reservation => {
    if (framedPart === undefined) return blob
    if (blob.part !== undefined) throw refused('two_parts')
    const { sha256, length } = framedPart
    at += length
    return { ...blob, part: { sha256, bytes: bytes.subarray(at - length, at) } }
  })
  if (at !== bytes.length) throw refused('payload')
  return reservations
}
