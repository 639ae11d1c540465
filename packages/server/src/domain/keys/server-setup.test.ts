import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openFileStore } from '../../adapters/blob/file-store.ts'
import { openKeyFile } from '../../adapters/kms/key-file.ts'
import type { Database } from '../../database/tables.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.ts'
import { loadServerSetup } from './server-setup.ts'

const clock = { nowMs: () => Date.now() }
const random = { bytes: (length: number) => randomBytes(length) }
let folder: string
let test: TestDatabase
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-setup-'))
  test = await createTestDatabase()
})
afterAll(async () => {
  await test.drop()
  await rm(folder, { recursive: true, force: true })
})

async function depsIn(name: string, keyName = name) {
  const objects = await openFileStore(path.join(folder, name))
  const keys = await openKeyFile({ file: path.join(folder, `${keyName}.json`), clock })
  return { database: test.database, objects, keys, random }
}

async function insertAccount(database: Database, setupId: Uint8Array): Promise<void> {
  const [id, hash] = [randomBytes(16), randomBytes(32)]
  await database
    .insertInto('accounts')
    .values({
      id,
      login_hash: id.toString('hex'),
      setup_id: setupId,
      opaque_record: '',
      recovery_auth_hash: hash,
      card: hash,
      card_hash: hash,
      private_vault_id: id,
      quota_bytes: null,
      used_bytes: 0,
      created_ms: 0,
    })
    .execute()
}

describe('server setup', () => {
  it('is made once: later starts and racing servers get the same', async () => {
    const deps = await depsIn('racing')
    const setups = await Promise.all([1, 2, 3, 4].map(() => loadServerSetup(deps)))
    setups.push(await loadServerSetup(await depsIn('racing')))
    expect(new Set(setups.map((setup) => setup.serverIdentifier)).size).toBe(1)
    expect(new Set(setups.map((setup) => setup.userIdentifier('ann'))).size).toBe(1)
    expect(new Set(setups.map((setup) => setup.opaqueSetup)).size).toBe(1)
  })

  it('is stored wrapped: the object holds none of its secrets', async () => {
    const deps = await depsIn('wrapped')
    const setup = await loadServerSetup(deps)
    const stored = Buffer.from((await deps.objects.readNamed('opaque-setup')) ?? new Uint8Array())
    expect(stored.length).toBeGreaterThan(100)
    expect(stored.includes(setup.opaqueSetup)).toBe(false)
    expect(stored.includes(Buffer.from(setup.opaqueSetup, 'base64url').subarray(0, 16))).toBe(false)
  })

  it('refuses another key file and a changed object', async () => {
    const deps = await depsIn('guarded')
    await loadServerSetup(deps)
    const { keys } = await depsIn('guarded', 'foreign')
    await expect(loadServerSetup({ ...deps, keys })).rejects.toThrow()
    const bytes = (await deps.objects.readNamed('opaque-setup')) ?? new Uint8Array()
    const changed = Uint8Array.from(bytes)
    changed[5] = (changed[5] ?? 0) ^ 1
    const objects = { ...deps.objects, readNamed: async () => changed }
    await expect(loadServerSetup({ ...deps, objects })).rejects.toThrow()
  })

  it('is neither made anew nor exchanged while accounts need another', async () => {
    const setup = await loadServerSetup(await depsIn('kept'))
    await insertAccount(test.database, setup.id)
    await expect(loadServerSetup(await depsIn('kept'))).resolves.toMatchObject({
      serverIdentifier: setup.serverIdentifier,
    })
    await expect(loadServerSetup(await depsIn('lost'))).rejects.toThrow(/absent/)
    await expect(loadServerSetup(await depsIn('racing'))).rejects.toThrow(/another OPAQUE setup/)
    await test.database.deleteFrom('accounts').execute()
  })
})
