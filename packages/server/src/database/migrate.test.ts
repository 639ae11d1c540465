import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../testing/test-database.ts'
import { migrate } from './migrate.ts'

let test: TestDatabase
beforeEach(async () => {
  test = await createTestDatabase({ migrated: false })
})
afterEach(() => test.drop())

const one = { version: 1, name: 'one', sql: 'CREATE TABLE one (id integer PRIMARY KEY)' }
const two = { version: 2, name: 'two', sql: 'CREATE TABLE two (id integer PRIMARY KEY)' }

async function tables(): Promise<string[]> {
  const found = await sql<{ name: string }>`
    SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`.execute(
    test.database,
  )
  return found.rows.map((row) => row.name)
}

describe('migrations', () => {
  it('apply once, in order, however many servers start at once', async () => {
    await Promise.all([1, 2, 3, 4].map(() => migrate(test.database, [one])))
    await migrate(test.database, [one, two])
    expect(await tables()).toEqual(['migrations', 'one', 'two'])
  })

  it('leave nothing when one of them fails', async () => {
    await expect(migrate(test.database, [one, { ...two, sql: 'CREATE TABLE broken (' }])).rejects.toThrow()
    expect(await tables()).toEqual([])
  })

  it('refuse a newer database and an edited migration', async () => {
    await migrate(test.database, [one, two])
    await expect(migrate(test.database, [one])).rejects.toThrow(/newer than this server/)
    await expect(migrate(test.database, [one, { ...two, sql: `${two.sql} ` }])).rejects.toThrow(/differs/)
  })
})
