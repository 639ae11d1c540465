import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBackupFolder } from '../../adapters/backup/folder.ts'
import { checkBackupIn, type RestoreInput, restoreBackup } from '../../compose-restore.ts'
import type { Database } from '../../database/tables.ts'
import { adminDepsOf, administer } from '../../testing/admin.ts'
import { collect, DAY_MS } from '../../testing/collection.ts'
import { commit, registerAccount, storeBlob, type TestAccount } from '../../testing/test-account.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { hex } from '../bytes.ts'
import { type BackupResult, makeBackup } from './backup.ts'
import { dataTables } from './rows.ts'

let server: TestServer
let ann: TestAccount
let folder: string
let targets: TestDatabase[] = []
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-backups-'))
  server = await createTestServer()
  ann = await registerAccount(server)
  await registerAccount(server)
  const kept = await storeBlob(ann)
  const given = await storeBlob(ann)
  await commit(ann, { added: [{ blobId: kept.blobId, count: 2 }, { blobId: given.blobId }].sort(byBlob) })
  await commit(ann, { released: [{ blobId: given.blobId }] })
  await storeBlob(ann)
  await administer(server, 'kms-rotate', {})
})
afterAll(async () => {
  for (const target of targets) await target.drop()
  targets = []
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const byBlob = (left: { blobId: Uint8Array }, right: { blobId: Uint8Array }) =>
  Buffer.compare(left.blobId, right.blobId)

async function backUp(name: string, input: object = {}): Promise<{ result: BackupResult; items: unknown[] }> {
  return administer(server, 'backup', { folder: path.join(folder, name), ...input })
}

function request(name: string, input: Partial<RestoreInput> = {}): RestoreInput & { lost: string[] } {
  const lost: string[] = []
  return {
    folder: path.join(folder, name),
    name: null,
    keyFile: null,
    skipDamaged: false,
    keepSessions: false,
    signal: new AbortController().signal,
    missing: async (blob) => void lost.push(blob),
    step: async () => undefined,
    lost,
    ...input,
  }
}

/** An empty database, and folders for the rest. */
async function emptyPlace(): Promise<{ env: Record<string, string>; database: Database; blobs: string }> {
  const target = await createTestDatabase({ migrated: false })
  targets.push(target)
  const data = await mkdtemp(path.join(folder, 'data-'))
  const env = { STRONGROOM_DATA: data, DATABASE_URL: target.url }
  return { env, database: target.database, blobs: path.join(data, 'blobs') }
}

async function rowsOf(database: Database, table: string): Promise<string[]> {
  const found = await sql<{ line: string }>`
    SELECT row_to_json(t)::text AS line FROM ${sql.table(table)} t ORDER BY 1`.execute(database)
  return found.rows.map(({ line }) => line)
}

async function filesOf(name: string): Promise<string[]> {
  const entries = await readdir(path.join(folder, name), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
}

describe('a backup', () => {
  it('restores every row of every table, but sessions, unless they are to stay', async () => {
    const { result } = await backUp('whole')
    expect(result).toMatchObject({ blobs: 3, copied: 3, missing: 0, keyFile: true })
    for (const keepSessions of [false, true]) {
      const place = await emptyPlace()
      await restoreBackup(place.env, request('whole', { keepSessions }))
      const tables = await dataTables(server.database)
      expect(tables).toContain('commits')
      for (const table of tables.filter((name) => name !== 'jobs')) {
        const ends = !keepSessions && ['sessions', 'session_halves'].includes(table)
        const expected = ends ? [] : await rowsOf(server.database, table)
        expect([table, await rowsOf(place.database, table)]).toEqual([table, expected])
      }
      // The next rotation gets the next number.
      await sql`INSERT INTO kms_rotations (key_name, started_ms, finished_ms) VALUES ('next', 1, 1)`.execute(
        place.database,
      )
    }
  })

  it('is checked and restored whole or not at all, whatever was changed in it', async () => {
    await backUp('changed')
    const files = (await filesOf('changed')).filter((file) => !file.endsWith('service.json'))
    expect(files.length).toBeGreaterThan(20)
    for (const file of files) {
      const bytes = await readFile(file)
      const flipped = Buffer.from(bytes)
      const at = Math.floor(bytes.length / 2)
      flipped[at] = (flipped[at] ?? 0) ^ 1
      for (const change of [flipped, bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.of(0)]), null]) {
        if (change === null) await rm(file)
        else await writeFile(file, change)
        await expect(checkBackupIn(request('changed')), file).rejects.toMatchObject({
          code: expect.toBeOneOf(['integrity', 'not_found']),
        })
      }
      await writeFile(file, bytes)
    }
    for (const file of files.filter((name) => /(accounts|wraps)\.jsonl|blobs\/|setup|keys/.test(name)).slice(0, 6)) {
      const bytes = await readFile(file)
      await writeFile(file, bytes.subarray(0, -1))
      const place = await emptyPlace()
      await expect(restoreBackup(place.env, request('changed')), file).rejects.toMatchObject({ code: 'integrity' })
      const made = await sql<{ made: boolean }>`SELECT to_regclass('accounts') IS NOT NULL AS made`.execute(
        place.database,
      )
      if (made.rows[0]?.made) expect(await rowsOf(place.database, 'accounts')).toEqual([])
      await writeFile(file, bytes)
    }
    await expect(checkBackupIn(request('changed'))).resolves.toMatchObject({ blobs: 3, missing: 0 })
  })

  it('says which blobs the store has lost, and restores the rest', async () => {
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId }] })
    const bytes = await readFile(objectFile(blobId))
    await writeFile(objectFile(blobId), randomBytes(bytes.length))
    const { result, items } = await backUp('lossy')
    await writeFile(objectFile(blobId), bytes)
    expect(result).toMatchObject({ blobs: 3, missing: 1 })
    expect(items).toEqual([{ blob: hex(blobId) }])
    const place = await emptyPlace()
    const restore = request('lossy')
    expect(await restoreBackup(place.env, restore)).toMatchObject({ blobs: 3, missing: 1 })
    expect(restore.lost).toEqual([hex(blobId)])
    // Once the store has it again, so has the next backup.
    expect((await backUp('lossy')).result).toMatchObject({ blobs: 4, copied: 1, missing: 0 })
  })

  it('goes on past blobs that are damaged in it, where the operator says so', async () => {
    await backUp('skipping')
    const [file = ''] = (await filesOf('skipping')).filter((name) => name.includes(`${path.sep}blobs${path.sep}`))
    await rm(file)
    const place = await emptyPlace()
    await expect(restoreBackup(place.env, request('skipping'))).rejects.toMatchObject({ code: 'integrity' })
    // The second attempt finds what the first has left, and goes on.
    const again = request('skipping', { skipDamaged: true })
    expect(await restoreBackup(place.env, again)).toMatchObject({ missing: 1, blobs: 3 })
    expect(again.lost).toEqual([path.basename(file)])
  })

  it('misses nothing that is collected while it is made', async () => {
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId }] })
    await commit(ann, { released: [{ blobId }] })
    let collected = false
    const deps = adminDepsOf(server)
    const result = await makeBackup(deps, openBackupFolder(path.join(folder, 'collected')), {
      withoutKeys: false,
      keep: null,
      signal: new AbortController().signal,
      missing: () => Promise.reject(new Error('nothing is missed')),
      step: async () => {
        if (collected) return
        collected = true
        server.clock.advance(30 * DAY_MS)
        await collect(server)
      },
    })
    expect(result.missing).toBeGreaterThan(0)
    const place = await emptyPlace()
    expect(await restoreBackup(place.env, request('collected'))).toMatchObject({ missing: 0 })
    const row = await place.database.selectFrom('blobs').select('state').where('id', '=', blobId).executeTakeFirst()
    expect(row?.state).toBe('deleted')
  })

  it('keeps as many as it is told, with all that they name', async () => {
    await backUp('kept')
    const { blobId } = await storeBlob(await registerAccount(server))
    // Two in one second: the later is the newer.
    const second = (await backUp('kept')).result
    expect((await filesOf('kept')).some((file) => file.endsWith(hex(blobId)))).toBe(true)
    server.clock.advance(20 * DAY_MS)
    await collect(server)
    server.clock.advance(20 * DAY_MS)
    await collect(server)
    const third = (await backUp('kept', { keep: 2 })).result
    expect(third.removed).toBe(1)
    for (const name of [second.name, third.name]) await checkBackupIn(request('kept', { name }))
    expect((await backUp('kept', { keep: 1 })).result.removed).toBe(2)
    expect((await filesOf('kept')).some((file) => file.endsWith(hex(blobId)))).toBe(false)
    await checkBackupIn(request('kept'))
  })

  it('is made by one server at a time, and leaves nothing of one that was interrupted', async () => {
    const stop = new AbortController()
    let other: unknown = null
    const deps = adminDepsOf(server)
    const options = { withoutKeys: false, keep: null, missing: async () => undefined }
    const target = () => openBackupFolder(path.join(folder, 'interrupted'))
    const running = makeBackup(deps, target(), {
      ...options,
      signal: stop.signal,
      step: async () => {
        other ??= await backUp('interrupted').catch((error: unknown) => error)
        stop.abort()
      },
    })
    await expect(running).rejects.toThrow()
    expect(other).toMatchObject({ code: 'conflict', message: expect.stringMatching(/Another backup/) })
    await expect(checkBackupIn(request('interrupted'))).rejects.toMatchObject({ code: 'not_found' })
    await backUp('interrupted')
    expect((await readdir(path.join(folder, 'interrupted', 'backups'))).length).toBe(1)
    expect(await readdir(path.join(folder, 'interrupted'))).not.toContain('.partial')
  })

  it('is refused where its tables are newer, or what it should go into is in use', async () => {
    await backUp('newer')
    const [file = ''] = (await filesOf('newer')).filter((name) => name.endsWith('manifest.json'))
    const text = (await readFile(file, 'utf8')).split('\n').slice(0, -2).join('\n')
    const rewritten = `${text.replace(/"schemaVersion": \d+/, '"schemaVersion": 9999')}\n`
    await writeFile(file, `${rewritten}${createHash('sha256').update(rewritten).digest('hex')}\n`)
    const place = await emptyPlace()
    await expect(restoreBackup(place.env, request('newer'))).rejects.toMatchObject({ code: 'upgrade_required' })
    const used = { ...place.env, DATABASE_URL: server.databaseUrl }
    await expect(restoreBackup(used, request('whole'))).rejects.toMatchObject({ code: 'conflict' })
  })
})

function objectFile(blobId: Uint8Array): string {
  return path.join(server.folder, 'blobs', 'objects', hex(blobId).slice(0, 2), hex(blobId))
}
