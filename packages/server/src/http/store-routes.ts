import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { ServerError } from '../domain/errors.ts'
import type { PartTarget, ServedObjectStore } from '../ports/index.ts'
import { parseRange } from './range.ts'
import { OBJECT_PATH, PART_PATH, type StoreUrls } from './store-urls.ts'

const OCTETS = 'application/octet-stream'

function queryOf(url: string): string {
  const start = url.indexOf('?')
  return start < 0 ? '' : url.slice(start + 1)
}

/** PUT of parts and GET of objects for a store that this server serves; the URL is the permission. */
export function registerStoreRoutes(app: FastifyInstance, objects: ServedObjectStore, urls: StoreUrls): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    // The body stays unread here: the store streams it.
    scope.addContentTypeParser(OCTETS, (_request, _payload, done) => done(null, undefined))

    scope.put(PART_PATH, async (request, reply) => {
      const target = urls.verifyPart(queryOf(request.raw.url ?? ''))
      if (request.headers['content-length'] !== String(target.length)) throw new ServerError('url_invalid')
      const { etag } = await writePart(objects, target, request.raw)
      return reply.header('etag', etag).code(200).send()
    })

    // The URL allows GET alone, as S3's does.
    scope.get(OBJECT_PATH, { exposeHeadRoute: false }, async (request, reply) => {
      const { blobId, length } = urls.verifyObject(queryOf(request.raw.url ?? ''))
      const found = await objects.stat(blobId)
      // A URL is made for live blobs only, and outlived by none of them.
      if (found?.length !== length) throw new ServerError('stored_data_damaged')
      reply.header('accept-ranges', 'bytes').type(OCTETS)
      const range = readRange(request.headers.range, length, (value) => reply.header('content-range', value))
      if (range !== null) {
        const end = range.offset + range.length - 1
        reply.code(206).header('content-range', `bytes ${range.offset}-${end}/${length}`)
      }
      reply.header('content-length', range?.length ?? length)
      const body = await objects.read(blobId, range ?? undefined)
      return reply.send(body instanceof Readable ? body : Readable.from(body, { objectMode: false }))
    })
  })
}

/**
 * Reason: a body that is left half read, or destroyed with its connection, costs the client the answer and holds up the
 * next request on that connection; what is not wanted flows away.
 */
async function writePart(objects: ServedObjectStore, target: PartTarget, body: Readable): Promise<{ etag: string }> {
  try {
    return await objects.writePart(target, body.iterator({ destroyOnReturn: false }))
  } catch (error) {
    body.resume()
    throw error
  }
}

function readRange(header: string | undefined, length: number, onInvalid: (contentRange: string) => void) {
  try {
    return parseRange(header, length)
  } catch (error) {
    onInvalid(`bytes */${length}`)
    throw error
  }
}
