import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../testing/test-database.ts'
import { connectDatabase } from './connect.ts'
import { readDatabaseFacts, requireUsable } from './usable.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase({ migrated: false })
})
afterAll(() => test.drop())

describe('a database', () => {
  it('of a version and encoding that it is made for is taken', async () => {
    const facts = await readDatabaseFacts(test.database)
    expect(facts).toMatchObject({ encoding: 'UTF8', fullPageWrites: true })
    expect(() => requireUsable(facts)).not.toThrow()
  })

  it('of version 13 or older is refused', () => {
    const facts = { version: 130_022, encoding: 'UTF8', fsync: true, fullPageWrites: true }
    expect(() => requireUsable(facts)).toThrow('is PostgreSQL 13; Strongroom needs 14 or newer.')
    expect(() => requireUsable({ ...facts, version: 140_000 })).not.toThrow()
  })

  it('of another encoding than UTF8 is refused', async () => {
    const name = `${new URL(test.url.replace(/^([a-z]+:\/\/)\//, '$1none/')).pathname.slice(1)}_latin`
    await sql`CREATE DATABASE ${sql.id(name)} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`.execute(test.database)
    const url = test.url.replace(/^([a-z]+:\/\/[^/?]*)\/[^?]*/, `$1/${name}`)
    const latin = connectDatabase({ connectionString: url, max: 1 }, () => undefined)
    try {
      const facts = await readDatabaseFacts(latin)
      expect(() => requireUsable(facts)).toThrow(/encoding LATIN1; make one by/)
    } finally {
      await latin.destroy()
      await sql`DROP DATABASE ${sql.id(name)}`.execute(test.database)
    }
  })
})
