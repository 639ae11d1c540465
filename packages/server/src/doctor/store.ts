import { createHash, randomBytes } from 'node:crypto'
import type { BlobStore, ServedObjectStore } from '../ports/index.ts'
import { lineOf, type Notes } from './check.ts'

const LENGTH = 1000

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

/** A store, and the objects that a check makes in it and removes. */
export interface TriedStore {
  readonly store: ServedObjectStore | (ServedObjectStore & BlobStore)
  /** What to do where the credentials are not allowed something. */
  readonly policy: string
}

interface Step {
  readonly name: string
  readonly says: string
  /** What the credentials need. */
  readonly action: string
  run(): Promise<boolean>
}

/** The blob store as servers use it: every kind of request once, on objects of its own. */
export async function checkStore({ store, policy }: TriedStore, notes: Notes): Promise<void> {
  const [whole, parts, dropped] = [randomBytes(16), randomBytes(16), randomBytes(16)]
  const bytes = randomBytes(LENGTH)
  const steps: Step[] = [
    {
      name: 'store.write',
      says: 'writes',
      action: 's3:PutObject',
      run: () => store.putWhole(whole, bytes, sha256(bytes)).then(() => true),
    },
    {
      name: 'store.read',
      says: 'reads what was written',
      action: 's3:GetObject',
      run: async () => (await store.stat(whole))?.length === LENGTH && bytes.equals(await read(store, whole)),
    },
    {
      name: 'store.range',
      says: 'reads ranges',
      action: 's3:GetObject',
      run: async () => bytes.subarray(10, 30).equals(await read(store, whole, { offset: 10, length: 20 })),
    },
    {
      name: 'store.absent',
      says: 'tells what is not there',
      action: 's3:ListBucket',
      run: async () => (await store.stat(dropped)) === null,
    },
    {
      name: 'store.write-once',
      says: 'never overwrites',
      action: 's3:PutObject',
      run: () => refusesOverwriting(store, whole),
    },
    {
      name: 'store.multipart',
      says: 'takes an object in parts',
      action: 's3:PutObject and s3:ListMultipartUploadParts',
      run: () => sendParts(store, parts, bytes),
    },
    {
      name: 'store.list',
      says: 'lists what is there',
      action: 's3:ListBucket',
      run: () => lists(store, whole),
    },
    {
      name: 'store.uploads',
      says: 'lists and drops unfinished uploads',
      action: 's3:ListBucketMultipartUploads and s3:AbortMultipartUpload',
      run: () => dropsUploads(store, dropped),
    },
    {
      name: 'store.delete',
      says: 'deletes',
      action: 's3:DeleteObject',
      run: async () => {
        for (const id of [whole, parts, dropped]) await store.delete(id)
        return (await store.stat(whole)) === null
      },
    },
  ]
  for (const { name, says, action, run } of steps) {
    try {
      if (await run()) notes.ok(name, says)
      else notes.fail(name, `it does otherwise than this: ${says}`, 'use another store (see docs/storage.md)')
    } catch (error) {
      const denied = isDenied(error)
      notes.fail(
        name,
        denied ? `the credentials may not do this: ${says} (${action})` : lineOf(error),
        denied ? policy : 'see docs/storage.md; what stands in the way is named above',
      )
    }
  }
}

/** Whether a store refused because of the policy; an answer without a body says no more than 403. */
export function isDenied(error: unknown): boolean {
  if (/policy/.test(lineOf(error))) return true
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const metadata = (cause as { $metadata?: { httpStatusCode?: unknown } }).$metadata
    if (metadata?.httpStatusCode === 403) return true
  }
  return false
}

async function read(
  store: Pick<BlobStore, 'read'>,
  id: Uint8Array,
  range?: { offset: number; length: number },
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await store.read(id, range)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function refusesOverwriting(store: Pick<BlobStore, 'putWhole'>, id: Uint8Array): Promise<boolean> {
  const other = randomBytes(LENGTH)
  try {
    await store.putWhole(id, other, sha256(other))
    return false
  } catch (error) {
    if ((error as { code?: unknown }).code === 'exists') return true
    throw error
  }
}

async function sendParts(store: ServedObjectStore, blobId: Uint8Array, bytes: Uint8Array): Promise<boolean> {
  const uploadId = await store.createUpload(blobId, false)
  const part = { sha256: sha256(bytes), length: bytes.length }
  const { etag } = await store.writePart({ blobId, uploadId, index: 0, ...part }, once(bytes))
  await store.complete({ blobId, uploadId }, [{ etag, ...part }])
  return (await store.stat(blobId))?.length === bytes.length
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The list of a large store takes long; an object that was just written may be anywhere in it. */
async function lists(store: Pick<BlobStore, 'list'>, id: Uint8Array): Promise<boolean> {
  let looked = 0
  for await (const { blobId } of store.list()) {
    looked += 1
    if (Buffer.from(blobId).equals(id) || looked >= 10_000) return true
  }
  return false
}

async function dropsUploads(store: ServedObjectStore, blobId: Uint8Array): Promise<boolean> {
  const uploadId = await store.createUpload(blobId, false)
  const isThere = async (): Promise<boolean> => {
    for await (const upload of store.listUploads()) if (upload.uploadId === uploadId) return true
    return false
  }
  const found = await isThere()
  await store.abort({ blobId, uploadId })
  return found && !(await isThere())
}
