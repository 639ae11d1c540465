import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, statfs, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openFileStore } from '../../../packages/server/src/adapters/blob/file-store.ts'
import type { ServedObjectStore, StoredPart } from '../../../packages/server/src/ports/index.ts'
import { chunked, collect, digestOf, objectStoreContract } from './object-store-contract.ts'

const temporaryFolder = () => mkdtemp(path.join(tmpdir(), 'strongroom-blobs-'))

objectStoreContract('files', async () => {
  const folder = await temporaryFolder()
  return {
    store: await openFileStore(folder),
    reopen: () => openFileStore(folder),
    dispose: () => rm(folder, { recursive: true }),
  }
})

describe('file store', () => {
  let folder: string
  let store: ServedObjectStore

  beforeAll(async () => {
    folder = await temporaryFolder()
    store = await openFileStore(folder)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('leaves no temporary file behind, whatever was refused', async () => {
    const blobId = randomBytes(16)
    const uploadId = await store.createUpload(blobId, true)
    const target = { blobId, uploadId, index: 0, length: 10, sha256: digestOf(randomBytes(10)) }
    await expect(store.writePart(target, chunked(randomBytes(10)))).rejects.toMatchObject({ code: 'digest_mismatch' })
    await expect(store.writePart(target, chunked(randomBytes(11)))).rejects.toMatchObject({ code: 'length_mismatch' })
    await store.putWhole(randomBytes(16), Buffer.alloc(5), digestOf(Buffer.alloc(5)))
    await store.abort(target)
    expect(await readdir(path.join(folder, 'temporary'))).toEqual([])
    expect(await readdir(path.join(folder, 'uploads'))).toEqual([])
  })

  it('removes what a killed server left half written, but not what another may be writing', async () => {
    const [old, young] = ['old', 'young'].map((name) => path.join(folder, 'temporary', name)) as [string, string]
    for (const file of [old, young]) await writeFile(file, 'half a part')
    await utimes(old, new Date(), new Date(Date.now() - 2 * 60 * 60 * 1000))
    store = await openFileStore(folder)
    expect(await readdir(path.join(folder, 'temporary'))).toEqual(['young'])
  })

  it('reports an object as damaged whose manifest or part was cut or is gone, before the first byte', async () => {
    for (const harm of ['manifest', 'manifest gone', 'part', 'part gone']) {
      const blobId = randomBytes(16)
      const upload = { blobId, uploadId: await store.createUpload(blobId, false) }
      const parts: StoredPart[] = []
      for (let index = 0; index < 2; index += 1) {
        const bytes = randomBytes(100)
        const sha256 = digestOf(bytes)
        const { etag } = await store.writePart({ ...upload, index, length: 100, sha256 }, chunked(bytes))
        parts.push({ etag, sha256, length: 100 })
      }
      await store.complete(upload, parts)
      const id = blobId.toString('hex')
      const object = path.join(folder, 'objects', id.slice(0, 2), id)
      const name = (await readdir(object)).find((entry) =>
        entry.startsWith(harm.startsWith('part') ? '1-' : 'manifest'),
      )
      const file = path.join(object, name ?? '')
      await (harm.endsWith('gone') ? rm(file) : truncate(file, 50))
      const reopened = await openFileStore(folder)
      await expect(reopened.read(blobId), harm).rejects.toMatchObject({ code: 'damaged' })
      await reopened.delete(blobId)
      expect(await reopened.stat(blobId)).toBeNull()
    }
  })

  it('lets only its own user into the folder', async () => {
    for (const name of ['', 'objects', 'uploads', 'named', 'temporary']) {
      expect((await stat(path.join(folder, name))).mode & 0o077).toBe(0)
    }
  })
})

describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)('file store on a full disk', () => {
  let folder: string
  let mounted = false

  beforeAll(async () => {
    folder = await temporaryFolder()
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' })
      mounted = true
    } catch {
      mounted = false
    }
  })
  afterAll(async () => {
    if (mounted) execFileSync('umount', [folder])
    await rm(folder, { recursive: true })
  })

  it('admits as many small objects at once as there is room for', async (context) => {
    if (!mounted) context.skip('no file system can be mounted here')
    const store = await openFileStore(path.join(folder, 'many'))
    const kept: Buffer[] = []
    const puts = Array.from({ length: 16 }, async () => {
      const [blobId, bytes] = [randomBytes(16), randomBytes(256 * 1024)]
      await store.putWhole(blobId, bytes, digestOf(bytes))
      kept.push(blobId)
    })
    const results = await Promise.allSettled(puts)
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'full' })
    expect(kept.length).toBeGreaterThan(0)
    const { bavail, blocks } = await statfs(folder)
    expect(bavail).toBeGreaterThanOrEqual(blocks / 8)
    for (const blobId of kept) await store.delete(blobId)
    await store.close()
  })

  it('answers full, keeps what it had and works again once there is room', async (context) => {
    if (!mounted) context.skip('no file system can be mounted here')
    const store = await openFileStore(path.join(folder, 'blobs'))
    const kept = randomBytes(16)
    const bytes = randomBytes(1024 * 1024)
    await store.putWhole(kept, bytes, digestOf(bytes))
    const large = randomBytes(3.2 * 1024 * 1024)
    const blobId = randomBytes(16)
    await expect(store.putWhole(blobId, large, digestOf(large))).rejects.toMatchObject({ code: 'full' })
    const upload = { blobId, uploadId: await store.createUpload(blobId, true) }
    const target = { ...upload, index: 0, length: large.length, sha256: digestOf(large) }
    await expect(store.writePart(target, chunked(large))).rejects.toMatchObject({ code: 'full' })
    expect(await store.stat(blobId)).toBeNull()
    expect((await collect(await store.read(kept))).equals(bytes)).toBe(true)
    // Something else takes what the store leaves free: the system itself refuses then.
    await writeFile(path.join(folder, 'filler'), Buffer.alloc(8 * 1024 * 1024)).catch(() => undefined)
    await expect(store.createNamed('more', randomBytes(8192))).rejects.toMatchObject({ code: 'full' })
    expect(await readdir(path.join(folder, 'blobs/temporary'))).toEqual([])
    await rm(path.join(folder, 'filler'))
    await store.delete(kept)
    const { etag } = await store.writePart(target, chunked(large))
    await store.complete(upload, [{ etag, sha256: target.sha256, length: target.length }])
    expect((await collect(await store.read(blobId))).equals(large)).toBe(true)
  })
})
