import { createHash, randomBytes } from 'node:crypto'
import { mkdir, opendir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { makeFolder } from '../../make-folder.ts'
import { BlobStoreError, type ServedObjectStore, type StoredPart, type UploadRef } from '../../ports/index.ts'
import { systemCode } from '../system-code.ts'
import { linkOnce, publish, storeError, writeStream, writeTemporary } from './disk.ts'
import { folderSync } from './folder-sync.ts'
import { freeSpaceGuard } from './free-space.ts'
import { decodeManifest, encodeManifest, type Manifest, type PartFile, partFileName } from './manifest.ts'
import { checkParts, readAcross } from './part-files.ts'

/*
 * [Note: Blobs on a file system]
 *
 *   objects/ab/<blob id>            an object of one part: the file itself
 *   objects/ab/<blob id>/           an object of several parts: its upload folder, renamed, with a manifest
 *   uploads/<blob id>-<upload id>/  <index>-<sha256> per part received
 *   named/<name>   temporary/
 *
 * Parts stay the files that they arrived as, and ranges are served across them. So completing an upload of any size is
 * one rename, no byte is written twice, and a late PUT of an earlier attempt can neither overwrite a part of a finished
 * object (the folder that it writes into is gone) nor one of a running upload (its name holds its digest). One large
 * preallocated file would save files but allow both.
 *
 * The parts' etag is the digest: what `complete` names is found by name, with nothing kept in memory.
 */

const MANIFEST = 'manifest'
const CACHED_MANIFESTS = 16
const LEFTOVER_MS = 60 * 60 * 1000

type Found = { readonly kind: 'file'; readonly length: number; readonly modifiedMs: number } | FoundFolder | null
interface FoundFolder {
  readonly kind: 'folder'
  readonly length: number
  readonly modifiedMs: number
  readonly manifest: Manifest
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/**
 * Opens the blob store in `folder`, making it at the first start. Several servers may share it.
 */
export async function openFileStore(folder: string): Promise<ServedObjectStore> {
  const objects = path.join(folder, 'objects')
  const uploads = path.join(folder, 'uploads')
  const named = path.join(folder, 'named')
  const temporary = path.join(folder, 'temporary')
  const sync = folderSync()
  const withRoom = freeSpaceGuard(folder)
  const manifests = new Map<string, Manifest>()

  const objectPath = (id: string) => path.join(objects, id.slice(0, 2), id)
  function uploadPath({ blobId, uploadId }: UploadRef): string {
    if (!isUploadId(uploadId)) throw new BlobStoreError('not_found', 'no such upload')
    return path.join(uploads, `${hex(blobId)}-${uploadId}`)
  }

  async function loadManifest(id: string): Promise<Manifest> {
    const cached = manifests.get(id)
    if (cached !== undefined) return cached
    const bytes = await readFile(path.join(objectPath(id), MANIFEST)).catch(async (error: unknown) => {
      // Throws the same where the object was deleted meanwhile.
      if (systemCode(error) === 'ENOENT') await stat(objectPath(id))
      throw systemCode(error) === 'ENOENT' ? new BlobStoreError('damaged', 'a manifest in the store is gone') : error
    })
    const manifest = decodeManifest(bytes)
    const oldest = manifests.keys().next()
    if (manifests.size >= CACHED_MANIFESTS && !oldest.done) manifests.delete(oldest.value)
    manifests.set(id, manifest)
    return manifest
  }

  async function find(id: string): Promise<Found> {
    try {
      const found = await stat(objectPath(id))
      if (!found.isDirectory()) return { kind: 'file', length: found.size, modifiedMs: found.mtimeMs }
      const manifest = await loadManifest(id)
      return { kind: 'folder', length: manifest.length, modifiedMs: found.mtimeMs, manifest }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null
      throw error
    }
  }

  /** Resolves when the parts are those of the finished object, throws otherwise. */
  async function compareWithFinished(id: string, parts: readonly StoredPart[]): Promise<void> {
    const found = await find(id)
    if (found === null) throw new BlobStoreError('part_missing', 'no such upload')
    const total = parts.reduce((sum, part) => sum + part.length, 0)
    const names = found.kind === 'folder' ? found.manifest.parts.map(({ name }) => name) : null
    const same =
      found.length === total &&
      (names === null || parts.every(({ sha256 }, index) => names[index] === partFileName(index, sha256)))
    if (!same) throw new BlobStoreError('exists', 'the object exists with other content')
    await sync(path.dirname(objectPath(id)))
  }

  /** Checks that the upload has every part; whatever else lies there is removed. */
  async function confirmParts(upload: string, parts: readonly StoredPart[]): Promise<void> {
    const present = new Set(await readdir(upload))
    for (const [index, { etag, sha256, length }] of parts.entries()) {
      const name = partFileName(index, sha256)
      if (etag !== hex(sha256) || !present.delete(name) || (await stat(path.join(upload, name))).size !== length) {
        throw new BlobStoreError('part_missing', `part ${index} is not stored`, { part: index })
      }
    }
    for (const name of present) await rm(path.join(upload, name), { force: true })
  }

  /**
   * Deletes a file or folder: true where there was one. It goes as it came, as a whole by one rename; a folder half
   * deleted would still be found under its name.
   */
  async function discard(target: string): Promise<boolean> {
    const gone = path.join(temporary, randomBytes(12).toString('hex'))
    try {
      await rename(target, gone)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false
      throw error
    }
    await rm(gone, { recursive: true, force: true })
    return true
  }

  async function finishSingle(id: string, upload: string, part: StoredPart): Promise<boolean> {
    const published = await linkOnce(path.join(upload, partFileName(0, part.sha256)), objectPath(id))
    await sync(path.dirname(objectPath(id)))
    await discard(upload)
    return published
  }

  async function finishFolder(id: string, upload: string, parts: readonly StoredPart[]): Promise<boolean> {
    const list = await writeTemporary(temporary, encodeManifest(parts))
    await rename(list, path.join(upload, MANIFEST))
    // Invariant: everything in the folder is durable before the folder gets the name that makes it an object.
    await sync(upload)
    try {
      await rename(upload, objectPath(id))
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCode(error))) throw error
      await discard(upload)
      return false
    }
    await sync(path.dirname(objectPath(id)))
    return true
  }

  const store: ServedObjectStore = {
    kind: 'file',

    async putWhole(blobId, bytes, sha256) {
      if (!createHash('sha256').update(bytes).digest().equals(sha256)) {
        throw new BlobStoreError('digest_mismatch', 'the digest differs')
      }
      const target = objectPath(hex(blobId))
      const file = await withRoom(bytes.length, () => writeTemporary(temporary, bytes))
      const published = await publish(file, target)
      if (!published) {
        const present = await readFile(target).catch((error: unknown) => {
          if (systemCode(error) === 'EISDIR') return null
          throw error
        })
        if (present === null || !present.equals(bytes)) {
          throw new BlobStoreError('exists', 'the object exists with other content')
        }
      }
      await sync(path.dirname(target))
    },

    async createUpload(blobId) {
      const uploadId = randomBytes(12).toString('hex')
      await mkdir(uploadPath({ blobId, uploadId }), { mode: 0o700 })
      await sync(uploads)
      return uploadId
    },

    async writePart(target, body) {
      const upload = uploadPath(target)
      await stat(upload).catch((error: unknown) => {
        throw systemCode(error) === 'ENOENT' ? new BlobStoreError('not_found', 'no such upload') : error
      })
      const file = await withRoom(target.length, () => writeStream(temporary, body, target))
      try {
        await rename(file, path.join(upload, partFileName(target.index, target.sha256)))
      } catch (error) {
        await rm(file, { force: true })
        if (systemCode(error) === 'ENOENT') throw new BlobStoreError('not_found', 'the upload has ended')
        throw error
      }
      return { etag: hex(target.sha256) }
    },

    async complete(ref, parts) {
      const id = hex(ref.blobId)
      const upload = uploadPath(ref)
      const [first] = parts
      if (first === undefined) throw new BlobStoreError('part_missing', 'an object has at least one part')
      let finished: boolean
      try {
        await confirmParts(upload, parts)
        finished = parts.length === 1 ? await finishSingle(id, upload, first) : await finishFolder(id, upload, parts)
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error
        finished = false
      }
      if (!finished) await compareWithFinished(id, parts)
    },

    async abort(ref) {
      if (isUploadId(ref.uploadId)) await discard(uploadPath(ref))
    },

    async stat(blobId) {
      const found = await find(hex(blobId))
      return found === null ? null : { length: found.length }
    },

    async read(blobId, range) {
      const id = hex(blobId)
      const found = await find(id)
      if (found === null) throw new BlobStoreError('not_found', 'no such object')
      const { offset, length } = range ?? { offset: 0, length: found.length }
      if (offset < 0 || length < 0 || offset + length > found.length || (range !== undefined && length === 0)) {
        throw new BlobStoreError('range_invalid', 'the range lies outside the object')
      }
      const parts: readonly PartFile[] =
        found.kind === 'folder' ? found.manifest.parts : [{ name: '', offset: 0, length: found.length }]
      if (found.kind === 'folder') await checkParts(objectPath(id), parts, { offset, length })
      return readAcross(objectPath(id), parts, { offset, length })
    },

    async delete(blobId) {
      const id = hex(blobId)
      manifests.delete(id)
      if (await discard(objectPath(id))) await sync(path.dirname(objectPath(id)))
    },

    async *list() {
      for await (const shelf of await opendir(objects)) {
        for await (const entry of await opendir(path.join(objects, shelf.name))) {
          if (!isBlobName(entry.name)) continue
          const found = await find(entry.name).catch((error: unknown) => {
            if (!(error instanceof BlobStoreError) || error.code !== 'damaged') throw error
            return { length: 0, modifiedMs: 0 }
          })
          if (found === null) continue
          yield { blobId: Buffer.from(entry.name, 'hex'), length: found.length, modifiedMs: found.modifiedMs }
        }
      }
    },

    async *listUploads() {
      for await (const { name } of await opendir(uploads)) {
        const [id = '', uploadId = ''] = name.split('-')
        if (isBlobName(id) && isUploadId(uploadId)) yield { blobId: Buffer.from(id, 'hex'), uploadId }
      }
    },

    async readNamed(name) {
      checkName(name)
      try {
        return await readFile(path.join(named, name))
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return null
        throw error
      }
    },

    async createNamed(name, bytes) {
      checkName(name)
      const created = await publish(await writeTemporary(temporary, bytes), path.join(named, name))
      await sync(named)
      return created
    },

    async replaceNamed(name, bytes) {
      checkName(name)
      await rename(await writeTemporary(temporary, bytes), path.join(named, name))
      await sync(named)
    },

    async check() {
      await rm(await writeTemporary(temporary, new Uint8Array([1])), { force: true })
    },

    async close() {
      manifests.clear()
    },
  }

  for (const made of [folder, objects, uploads, named, temporary]) await makeFolder(made, 0o700)
  for (let shelf = 0; shelf < 256; shelf += 1) {
    await mkdir(path.join(objects, shelf.toString(16).padStart(2, '0')), { mode: 0o700 }).catch(ignoreExisting)
  }
  for (const made of [objects, folder, path.dirname(folder)]) await sync(made)
  await removeLeftovers(temporary)
  return translateErrors(store)
}

function ignoreExisting(error: unknown): void {
  if (systemCode(error) !== 'EEXIST') throw error
}

function isBlobName(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}

/** Whether `createUpload` may have made it: nothing else becomes part of a path. */
function isUploadId(text: string): boolean {
  return /^[0-9a-f]{24}$/.test(text)
}

function checkName(name: string): void {
  if (!/^[a-z0-9-]+$/.test(name)) throw new BlobStoreError('not_found', 'no such named object')
}

/** Removes what killed servers have left; what is younger may be another server's that is being written. */
async function removeLeftovers(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const found = await stat(path.join(temporary, name)).catch(() => null)
    if (found !== null && Date.now() - found.mtimeMs > LEFTOVER_MS) {
      await rm(path.join(temporary, name), { recursive: true, force: true })
    }
  }
}

/** Gives every method the port's errors. */
function translateErrors(store: ServedObjectStore): ServedObjectStore {
  function wrap<A extends unknown[], R>(method: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return (...args) =>
      method(...args).catch((error: unknown) => {
        throw storeError(error)
      })
  }
  return {
    kind: store.kind,
    putWhole: wrap(store.putWhole),
    createUpload: wrap(store.createUpload),
    writePart: wrap(store.writePart),
    complete: wrap(store.complete),
    abort: wrap(store.abort),
    stat: wrap(store.stat),
    read: wrap(store.read),
    delete: wrap(store.delete),
    list: store.list,
    listUploads: store.listUploads,
    readNamed: wrap(store.readNamed),
    createNamed: wrap(store.createNamed),
    replaceNamed: wrap(store.replaceNamed),
    check: wrap(store.check),
    close: wrap(store.close),
  }
}
