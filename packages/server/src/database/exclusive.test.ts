import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../testing/test-database.ts'
import { connectDatabase } from './connect.ts'
import { exclusively } from './exclusive.ts'
import type { Database } from './tables.ts'

let test: TestDatabase
let other: Database
beforeAll(async () => {
  test = await createTestDatabase({ migrated: false })
  other = connectDatabase({ connectionString: test.url, max: 2 }, () => undefined)
})
afterAll(async () => {
  await other.destroy()
  await test.drop()
})

async function locks(database: Database): Promise<number> {
  const { rows } = await sql<{ count: string }>`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`.execute(database)
  return Number(rows[0]?.count)
}

describe('work of one server at a time', () => {
  it('turns away who comes while it is done, and lets other work through', async () => {
    const outcome = await exclusively(test.database, 'backup', async () => [
      await exclusively(other, 'backup', async () => 'both'),
      await exclusively(other, 'kms-rotation', async () => 'other work'),
    ])
    expect(outcome).toEqual({ result: [null, { result: 'other work' }] })
    expect(await exclusively(other, 'backup', async () => 'next')).toEqual({ result: 'next' })
  })

  it('passes an error on, and keeps no lock after it', async () => {
    await expect(exclusively(test.database, 'backup', () => Promise.reject(new Error('full')))).rejects.toThrow('full')
    expect(await locks(test.database)).toBe(0)
  })

  it('holds its lock in a transaction, without a snapshot that would hold back vacuum', async () => {
    await exclusively(test.database, 'backup', async () => {
      const { rows } = await sql<{ state: string; xmin: string | null }>`
        SELECT state, backend_xmin::text AS xmin FROM pg_stat_activity WHERE pid =
          (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database =
            (SELECT oid FROM pg_database WHERE datname = current_database()))`.execute(other)
      expect(rows).toEqual([{ state: 'idle in transaction', xmin: null }])
    })
  })

  it('is free again when the connection that held it has ended', async () => {
    await exclusively(test.database, 'backup', async () => {
      await sql`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())`.execute(other)
      await expect.poll(() => locks(other)).toBe(0)
      expect(await exclusively(other, 'backup', async () => 'next')).toEqual({ result: 'next' })
    })
  })
})
