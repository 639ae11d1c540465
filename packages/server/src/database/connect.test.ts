import { type AddressInfo, connect, createServer } from 'node:net'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusalOf } from '../domain/dependency-errors.ts'
import { createTestDatabase, type TestDatabase } from '../testing/test-database.ts'
import { connectPool } from './connect.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase({ migrated: false })
  await sql`CREATE TABLE notes (id integer PRIMARY KEY)`.execute(test.database)
})
afterAll(() => test.drop())

const open = (settings: object) => connectPool({ connectionString: test.url, max: 1, ...settings }, () => undefined)

async function backend(database: ReturnType<typeof open>['database']): Promise<number> {
  const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(database)
  return rows[0]?.pid ?? 0
}

/** Begins connections as poolers do: with the number of a process that is not the one that answers. */
async function renamingProcesses(url: string): Promise<{ url: string } & AsyncDisposable> {
  const target = new URL(url.replace(/^([a-z]+:\/\/)\//, '$1none/'))
  const folder = target.searchParams.get('host')
  const server = createServer((near) => {
    const far =
      folder === null
        ? connect(Number(target.port), target.hostname)
        : connect(`${folder}/.s.PGSQL.${target.searchParams.get('port')}`)
    near.on('error', () => far.destroy()).on('close', () => far.destroy())
    far.on('error', () => near.destroy()).on('close', () => near.destroy())
    near.pipe(far)
    far.on('data', (bytes: Buffer) => {
      // BackendKeyData, at the end of the greeting: its type, its length, then the process.
      const at = bytes.indexOf(Buffer.from('4b0000000c', 'hex'))
      if (at >= 0) bytes.writeUInt32BE((bytes.readUInt32BE(at + 5) ^ 1) >>> 0, at + 5)
      near.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const user = target.username === '' ? (target.searchParams.get('user') ?? '') : target.username
  const { port } = server.address() as AddressInfo // Of a server that listens on TCP.
  return {
    url: `postgres://${user}:${target.password}@127.0.0.1:${port}${target.pathname}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

describe('a pool', () => {
  it('gives statements, locks and idle transactions a limit', async () => {
    const { database } = open({})
    const names = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'application_name']
    const shown = await Promise.all(
      names.map(
        async (name) => (await sql<{ at: string }>`SELECT current_setting(${name}) AS at`.execute(database)).rows,
      ),
    )
    expect(shown.flat().map(({ at }) => at)).toEqual(['1min', '20s', '1min', 'strongroom'])
    await database.destroy()
  })

  it('has what it acknowledges on disk, although the database is set to acknowledge before', async () => {
    const name = sql.id(new URL(test.url.replace(/^([a-z]+:\/\/)\//, '$1none/')).pathname.slice(1))
    await sql`ALTER DATABASE ${name} SET synchronous_commit = off`.execute(test.database)
    const { database } = open({})
    const shown = await sql<{ at: string }>`SELECT current_setting('synchronous_commit') AS at`.execute(database)
    expect(shown.rows).toEqual([{ at: 'on' }])
    await database.destroy()
    await sql`ALTER DATABASE ${name} RESET synchronous_commit`.execute(test.database)
  })

  it('replaces a connection whose server has fallen silent, and refuses what was asked on it', async () => {
    const { database } = open({ query_timeout: 300 })
    const before = await backend(database)
    const failed = await sql`SELECT pg_sleep(2)`.execute(database).catch((error: unknown) => error)
    expect(refusalOf(failed)?.code).toBe('unavailable')
    expect(await backend(database)).not.toBe(before)
    await database.destroy()
  })

  it('replaces a connection on which no change is taken any more', async () => {
    const { database } = open({})
    const before = await backend(database)
    await sql`SET default_transaction_read_only = on`.execute(database)
    const failed = await sql`INSERT INTO notes VALUES (1)`.execute(database).catch((error: unknown) => error)
    expect(refusalOf(failed)?.code).toBe('unavailable')
    await sql`INSERT INTO notes VALUES (1)`.execute(database)
    expect(await backend(database)).not.toBe(before)
    await database.destroy()
  })

  it('prepares what is asked again and again, and nothing else', async () => {
    const { database } = open({})
    for (let count = 0; count < 7; count += 1) await sql`SELECT ${count}::integer AS often`.execute(database)
    await sql`SELECT ${1}::integer AS once`.execute(database)
    const found = await sql<{ statement: string }>`SELECT statement FROM pg_prepared_statements`.execute(database)
    expect(found.rows).toEqual([{ statement: 'SELECT $1::integer AS often' }])
    await database.destroy()
  })

  it('prepares nothing behind a pooler, which may have the next transaction done by another process', async () => {
    await using pooler = await renamingProcesses(test.url)
    const { database } = open({ connectionString: pooler.url })
    for (let count = 0; count < 7; count += 1) await sql`SELECT ${count}::integer AS often`.execute(database)
    const found = await sql`SELECT statement FROM pg_prepared_statements`.execute(database)
    expect(found.rows).toEqual([])
    await database.destroy()
  })

  it('replaces a connection whose prepared statement no longer fits its table', async () => {
    const { database } = open({})
    const ask = () => sql`SELECT * FROM notes WHERE id = ${1}`.execute(database)
    for (let count = 0; count < 7; count += 1) await ask()
    await sql`ALTER TABLE notes ADD COLUMN more integer`.execute(test.database)
    expect(refusalOf(await ask().catch((error: unknown) => error))?.code).toBe('unavailable')
    expect((await ask()).rows).toEqual([{ id: 1, more: null }])
    await database.destroy()
  })

  it('says how many connections it has, and who waits', async () => {
    const { database, poolState } = open({})
    const slow = sql`SELECT pg_sleep(2)`.execute(database)
    const next = sql`SELECT 1`.execute(database)
    await expect.poll(poolState).toEqual({ open: 1, idle: 0, waiting: 1 })
    await Promise.all([slow, next])
    expect(poolState()).toEqual({ open: 1, idle: 1, waiting: 0 })
    await database.destroy()
  })
})
