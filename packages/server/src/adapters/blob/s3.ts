import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import {
  type BlobStore,
  BlobStoreError,
  type ByteRange,
  type PartTarget,
  type ServedObjectStore,
} from '../../ports/index.ts'
import { answered, checked } from './s3-bytes.ts'
import { bareEtag, base64, openBucket, type S3Options } from './s3-client.ts'
import { completion, equal, fromUploadId, SINGLE, taken, toUploadId } from './s3-complete.ts'
import { ifNotFound } from './s3-errors.ts'
import { signedPut } from './s3-put.ts'
import { bucketUrls } from './s3-urls.ts'

/*
 * [Note: Blobs in a bucket]
 *
 *   PREFIX/objects/<blob id>   an object
 *   PREFIX/named/<name>
 *
 * An upload of several parts is a multipart upload. An object of a single part is sent by one PUT with If-None-Match,
 * before which there is nothing in the store: its upload is `single`, and `complete` looks at the object itself. Either
 * way a request that comes late changes nothing: the one finds no upload any more, the other an object.
 *
 * What the store is to confirm of a part: its ETag and length, which `complete` asks for; its SHA-256, which the store
 * compares while it receives, because the address signs it. As x-amz-checksum-sha256 where the store knows that; else
 * (Ceph 16, say) as x-amz-content-sha256, the payload hash of every signed request.
 */

/** How long a part of 64 MiB may take through this server. */
const PART_MS = 15 * 60_000

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/**
 * Opens the blob store in a bucket. Several servers may share it.
 *
 * @throws BlobStoreError with one line for the operator
 */
export async function openS3Store(options: S3Options): Promise<ServedObjectStore & BlobStore> {
  const bucket = await openBucket(options)
  const { client, name: Bucket, features, ask, pageSize } = bucket
  const folder = `${options.prefix}objects/`
  const urls = await bucketUrls(client, Bucket, options.prefix)
  const send = signedPut(urls, bucket.agents, bucket.silenceMs)

  const objectKey = (blobId: Uint8Array) => folder + hex(blobId)
  function namedKey(name: string): string {
    if (!/^[a-z0-9-]+$/.test(name)) throw new BlobStoreError('not_found', 'no such named object')
    return `${options.prefix}named/${name}`
  }

  async function head(blobId: Uint8Array): Promise<HeadObjectCommandOutput | null> {
    const input = { Bucket, Key: objectKey(blobId), ChecksumMode: 'ENABLED' as const }
    return ask((settings) => client.send(new HeadObjectCommand(input), settings)).catch(ifNotFound(null))
  }

  async function get(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    const { offset, length } = range ?? { offset: 0, length: null }
    if (offset < 0 || (length !== null && length <= 0)) throw outside()
    const Range = length === null ? {} : { Range: `bytes=${offset}-${offset + length - 1}` }
    const answer = await ask((settings) => client.send(new GetObjectCommand({ Bucket, Key: key, ...Range }), settings))
    const body = answer.Body
    if (!(body instanceof Readable)) throw new BlobStoreError('unavailable', 'the bucket answered without a body')
    if (length !== null && answer.ContentLength !== length) {
      body.destroy()
      throw outside()
    }
    return answered(body, answer.ContentLength ?? 0, bucket.silenceMs)
  }

  async function digestOf(blobId: Uint8Array): Promise<Uint8Array> {
    const hash = createHash('sha256')
    for await (const chunk of await get(objectKey(blobId))) hash.update(chunk)
    return hash.digest()
  }

  /** Sends one part through this server. */
  async function sendPart(target: PartTarget, body: AsyncIterable<Uint8Array>): Promise<string | undefined> {
    const Key = objectKey(target.blobId)
    const common = { Bucket, Key, ContentLength: target.length, ChecksumSHA256: base64(target.sha256) }
    const UploadId = fromUploadId(target.uploadId)
    if (UploadId === null && target.uploadId !== SINGLE) throw new BlobStoreError('not_found', 'no such upload')
    let failed: { error: unknown } | null = null
    let reading: Promise<void> | null = null
    const broken = new AbortController()
    async function* watched(): AsyncGenerator<Uint8Array> {
      let end = (): void => undefined
      reading = new Promise((resolve) => {
        end = resolve
      })
      try {
        yield* checked(body, target)
      } catch (error) {
        failed = { error }
        broken.abort()
        throw error
      } finally {
        end()
      }
    }
    const Body = Readable.from(watched(), { objectMode: false })
    Body.on('error', () => undefined)
    try {
      return await ask(async ({ abortSignal }) => {
        const settings = { abortSignal: AbortSignal.any([abortSignal, broken.signal]) }
        const answer =
          UploadId === null
            ? await client.send(new PutObjectCommand({ ...common, Body, IfNoneMatch: '*' }), settings)
            : await client.send(
                new UploadPartCommand({ ...common, Body, UploadId, PartNumber: target.index + 1 }),
                settings,
              )
        return answer.ETag
      }, PART_MS)
    } catch (error) {
      const failure = failed as { error: unknown } | null
      throw failure === null ? error : failure.error
    } finally {
      Body.destroy()
      // Reason: whoever gave the body may let the rest of it flow away only once nobody reads it any more.
      await reading
    }
  }

  async function* listed<Page extends { IsTruncated?: boolean | undefined }>(
    next: (after: Page | null) => Promise<Page>,
  ): AsyncGenerator<Page> {
    for (let page: Page | null = null; page === null || page.IsTruncated === true; ) {
      page = await next(page)
      yield page
    }
  }

  return {
    kind: 's3',
    origins: [urls.origin],

    async presignPart(target, expiresAtMs) {
      const UploadId = fromUploadId(target.uploadId)
      const headers = {
        'content-length': String(target.length),
        'x-amz-checksum-sha256': base64(target.sha256),
        ...(features.keepsChecksums ? {} : { 'x-amz-content-sha256': hex(target.sha256) }),
        ...(UploadId === null ? { 'if-none-match': '*' } : {}),
      }
      const url = await urls.sign({
        method: 'PUT',
        key: objectKey(target.blobId),
        ...(UploadId === null ? {} : { query: { partNumber: String(target.index + 1), uploadId: UploadId } }),
        headers,
        lifeMs: expiresAtMs - Date.now(),
      })
      // Clients send the length anyway, and browsers let nobody set it.
      const { 'content-length': _, ...sent } = headers
      return { url, headers: sent }
    },

    presignGet: (blobId, _length, expiresAtMs) =>
      urls.sign({ method: 'GET', key: objectKey(blobId), lifeMs: expiresAtMs - Date.now() }),

    async putWhole(blobId, bytes, sha256) {
      if (!createHash('sha256').update(bytes).digest().equals(sha256)) {
        throw new BlobStoreError('digest_mismatch', 'the digest differs')
      }
      const key = objectKey(blobId)
      const headers = {
        'x-amz-checksum-sha256': base64(sha256),
        'x-amz-content-sha256': hex(sha256),
        'if-none-match': '*',
      }
      const sent = await send({ key, bytes, headers })
      if (sent === 'stored') return
      if (sent === 'unclear' && (await bucket.putOnce(key, bytes))) return
      if (!equal(await digestOf(blobId), sha256)) throw taken()
    },

    async createUpload(blobId, single) {
      if (single) return SINGLE
      const input = {
        Bucket,
        Key: objectKey(blobId),
        ContentType: 'application/octet-stream',
        ...(features.keepsChecksums ? { ChecksumAlgorithm: 'SHA256' as const } : {}),
      }
      const { UploadId } = await ask((settings) => client.send(new CreateMultipartUploadCommand(input), settings))
      if (UploadId === undefined) throw new BlobStoreError('unavailable', 'the bucket began an upload without an id')
      return toUploadId(UploadId)
    },

    async writePart(target, body) {
      try {
        return { etag: bareEtag(await sendPart(target, body)) }
      } catch (error) {
        if (!(error instanceof BlobStoreError) || error.code !== 'exists') throw error
        const found = await head(target.blobId)
        if (found === null || !equal(await digestOf(target.blobId), target.sha256)) throw error
        return { etag: bareEtag(found.ETag) }
      }
    },

    complete: completion(bucket, { keyOf: objectKey, head, digestOf }),

    async abort({ blobId, uploadId }) {
      const UploadId = fromUploadId(uploadId)
      // Of a single one there is nothing but the object, which may be another server's by now.
      if (UploadId === null) return
      const input = { Bucket, Key: objectKey(blobId), UploadId }
      await ask((settings) => client.send(new AbortMultipartUploadCommand(input), settings)).catch(ifNotFound(null))
    },

    async stat(blobId) {
      const found = await head(blobId)
      return found === null ? null : { length: found.ContentLength ?? 0 }
    },

    read: (blobId, range) => get(objectKey(blobId), range),

    async delete(blobId) {
      const input = { Bucket, Key: objectKey(blobId) }
      await ask((settings) => client.send(new DeleteObjectCommand(input), settings)).catch(ifNotFound(null))
    },

    async *list() {
      const pages = listed((after: { NextContinuationToken?: string | undefined } | null) => {
        const token = after?.NextContinuationToken
        const input = {
          Bucket,
          Prefix: folder,
          MaxKeys: pageSize,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }
        return ask((settings) => client.send(new ListObjectsV2Command(input), settings))
      })
      for await (const page of pages) {
        for (const { Key, Size, LastModified } of page.Contents ?? []) {
          const blobId = blobOf(Key, folder)
          if (blobId !== null) yield { blobId, length: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0 }
        }
      }
    },

    async *listUploads() {
      const pages = listed(
        (after: { NextKeyMarker?: string | undefined; NextUploadIdMarker?: string | undefined } | null) => {
          const markers = {
            ...(after?.NextKeyMarker === undefined ? {} : { KeyMarker: after.NextKeyMarker }),
            ...(after?.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: after.NextUploadIdMarker }),
          }
          const input = { Bucket, Prefix: folder, MaxUploads: pageSize, ...markers }
          return ask((settings) => client.send(new ListMultipartUploadsCommand(input), settings))
        },
      )
      for await (const page of pages) {
        for (const { Key, UploadId } of page.Uploads ?? []) {
          const blobId = blobOf(Key, folder)
          if (blobId !== null && UploadId !== undefined) yield { blobId, uploadId: toUploadId(UploadId) }
        }
      }
    },

    async readNamed(name) {
      const pieces: Uint8Array[] = []
      const source = await get(namedKey(name)).catch(ifNotFound(null))
      if (source === null) return null
      for await (const piece of source) pieces.push(piece)
      return Buffer.concat(pieces)
    },

    createNamed: async (name, bytes) => bucket.putOnce(namedKey(name), bytes),

    async replaceNamed(name, bytes) {
      const input = {
        Bucket,
        Key: namedKey(name),
        Body: bytes,
        ContentLength: bytes.length,
        ContentType: 'application/octet-stream',
      }
      await ask((settings) => client.send(new PutObjectCommand(input), settings))
    },

    check: () => bucket.probe(),

    async close() {
      client.destroy()
    },
  }
}

function outside(): BlobStoreError {
  return new BlobStoreError('range_invalid', 'the range lies outside the object')
}

function blobOf(key: string | undefined, folder: string): Uint8Array | null {
  const name = key?.startsWith(folder) === true ? key.slice(folder.length) : ''
  return /^[0-9a-f]{32}$/.test(name) ? Buffer.from(name, 'hex') : null
}
