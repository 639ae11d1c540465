import { LIMITS } from '@strongroom/protocol'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { eachConcurrently } from '../domain/concurrency.ts'
import { ServerError } from '../domain/errors.ts'
import { BlobStoreError, type ServedObjectStore } from '../ports/index.ts'
import { OBJECT_PATH, type ObjectTarget, type StoreUrls } from './store-urls.ts'

export const BATCH_PATH = '/v1/store/batch'

const URL_LENGTH = 400
const STORE_CONCURRENCY = 16

const wanted = z.strictObject({
  urls: z
    .array(z.string().startsWith(`${OBJECT_PATH}?`).max(URL_LENGTH))
    .min(1)
    .max(LIMITS.batch),
})

/**
 * Small objects of a served store, many in one answer: one after the other, each as long as its URL says. The URLs are
 * the permission.
 */
export function registerStoreBatch(app: FastifyInstance, objects: ServedObjectStore, urls: StoreUrls): void {
  app.post(BATCH_PATH, { bodyLimit: LIMITS.batch * (URL_LENGTH + 8) }, async (request, reply) => {
    const body = wanted.safeParse(request.body)
    if (!body.success) throw new ServerError('bad_request', { details: { path: 'urls' } })
    const targets = body.data.urls.map((url) => urls.verifyObject(url.slice(OBJECT_PATH.length + 1)))
    const total = targets.reduce((sum, { length }) => sum + length, 0)
    if (total > LIMITS.inlineBytesPerRequest) throw new ServerError('payload_too_large')
    // Not from Node's pool, which would keep other requests' bytes alive with these.
    const answer = Buffer.allocUnsafeSlow(total)
    let end = 0
    const places = targets.map((target) => {
      end += target.length
      return { target, place: answer.subarray(end - target.length, end) }
    })
    await eachConcurrently(places, STORE_CONCURRENCY, ({ target, place }) => readInto(objects, target, place))
    return reply.type('application/octet-stream').send(answer)
  })
}

/** @throws ServerError `stored_data_damaged`: a URL is made for live blobs only, and outlived by none of them */
async function readInto(objects: ServedObjectStore, { blobId, length }: ObjectTarget, place: Buffer): Promise<void> {
  const body = await objects.read(blobId).catch((cause: unknown) => {
    throw isMissing(cause) ? new ServerError('stored_data_damaged', { cause }) : cause
  })
  let at = 0
  for await (const chunk of body) {
    if (at + chunk.length > length) throw new ServerError('stored_data_damaged')
    place.set(chunk, at)
    at += chunk.length
  }
  if (at !== length) throw new ServerError('stored_data_damaged')
}

function isMissing(cause: unknown): boolean {
  return cause instanceof BlobStoreError && cause.code === 'not_found'
}
