import { connect, createServer, type Server, type Socket } from 'node:net'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { refusalOf } from '../domain/dependency-errors.ts'
import { createTestDatabase, type TestDatabase } from '../testing/test-database.ts'
import { connectDatabase } from './connect.ts'
import type { Database, DatabaseTransaction } from './tables.ts'

let test: TestDatabase
let relay: Relay
let database: Database
beforeAll(async () => {
  test = await createTestDatabase({ migrated: false })
  await sql`CREATE TABLE counters (id integer PRIMARY KEY, value integer NOT NULL)`.execute(test.database)
  relay = await openRelay(test.url)
  database = connectDatabase({ connectionString: relay.url, max: 8 }, () => undefined)
})
afterAll(async () => {
  await database.destroy()
  await relay.close()
  await test.drop()
})
beforeEach(async () => {
  await sql`DELETE FROM counters`.execute(test.database)
  await sql`INSERT INTO counters VALUES (1, 0), (2, 0)`.execute(test.database)
})

/** What a cut connection carried when it was cut: `before` the server got it, or `after`. */
type Cut = { readonly at: string; readonly when: 'before' | 'after' }

interface Relay {
  readonly url: string
  cut: Cut | null
  close(): Promise<void>
}

/** Stands between a client and PostgreSQL, and breaks the one connection that carries a text, once. */
async function openRelay(url: string): Promise<Relay> {
  const target = new URL(url.replace(/^([a-z]+:\/\/)\//, '$1none/'))
  const folder = target.searchParams.get('host')
  const sockets = new Set<Socket>()
  const state: { cut: Cut | null } = { cut: null }
  const server: Server = createServer((near) => {
    const far =
      folder === null
        ? connect(Number(target.port), target.hostname)
        : connect(`${folder}/.s.PGSQL.${target.searchParams.get('port')}`)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
    far.pipe(near)
    near.on('data', (bytes: Buffer) => {
      const { cut } = state
      if (cut === null || !bytes.includes(cut.at)) return void far.write(bytes)
      state.cut = null
      if (cut.when === 'before') return void near.destroy()
      far.unpipe(near)
      far.once('data', () => near.destroy()).resume()
      far.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const user = target.username === '' ? (target.searchParams.get('user') ?? '') : target.username
  return {
    url: `postgres://${user}:${target.password}@127.0.0.1:${port}${target.pathname}`,
    get cut() {
      return state.cut
    },
    set cut(value) {
      state.cut = value
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

async function value(id: number): Promise<number> {
  const { rows } = await sql<{ value: number }>`SELECT value FROM counters WHERE id = ${id}`.execute(test.database)
  return rows[0]?.value ?? -1
}

const add = (tx: DatabaseTransaction, id: number) =>
  sql`UPDATE counters SET value = value + 1 WHERE id = ${id}`.execute(tx)

describe('a transaction', () => {
  it('is begun again after a deadlock, until all are through', async () => {
    let runs = 0
    let ready = 0
    let release = (): void => undefined
    const both = new Promise<void>((resolve) => {
      release = resolve
    })
    const crossing = (first: number, second: number) =>
      database.transaction().execute(async (tx) => {
        runs += 1
        await sql`SET LOCAL deadlock_timeout = '50ms'`.execute(tx).catch(() => undefined)
        await add(tx, first)
        ready += 1
        if (ready === 2) release()
        await both
        await add(tx, second)
      })
    await Promise.all([crossing(1, 2), crossing(2, 1)])
    expect([await value(1), await value(2)]).toEqual([2, 2])
    expect(runs).toBeGreaterThan(2)
  })

  it('sees what was committed meanwhile, although the database is set to stricter isolation', async () => {
    const name = new URL(relay.url).pathname.slice(1)
    await sql`ALTER DATABASE ${sql.id(name)} SET default_transaction_isolation = 'serializable'`.execute(test.database)
    const strict = connectDatabase({ connectionString: relay.url, max: 8 }, () => undefined)
    let runs = 0
    try {
      await Promise.all(
        Array.from({ length: 20 }, () =>
          strict.transaction().execute(async (tx) => {
            runs += 1
            await add(tx, 1)
          }),
        ),
      )
      const shown = await sql<{ level: string }>`SELECT current_setting('transaction_isolation') AS level`.execute(
        strict,
      )
      expect(shown.rows[0]?.level).toBe('read committed')
    } finally {
      await strict.destroy()
      await sql`ALTER DATABASE ${sql.id(name)} RESET default_transaction_isolation`.execute(test.database)
    }
    expect([await value(1), runs]).toEqual([20, 20])
  })

  it('is begun again when its connection breaks before COMMIT', async () => {
    let runs = 0
    relay.cut = { at: 'UPDATE counters AS cut', when: 'after' }
    await database.transaction().execute(async (tx) => {
      runs += 1
      // A text of its own, which nobody has prepared: what is prepared travels by its name.
      await sql`UPDATE counters AS cut SET value = value + 1 WHERE id = ${1}`.execute(tx)
    })
    expect([await value(1), runs]).toEqual([1, 2])
  })

  it.each(['before', 'after'] as const)(
    'is refused, and not repeated, when COMMIT is cut off %s it arrives',
    async (when) => {
      let runs = 0
      relay.cut = { at: 'commit\0', when }
      const failed = await database
        .transaction()
        .execute(async (tx) => {
          runs += 1
          await add(tx, 1)
        })
        .catch((error: unknown) => error)
      expect(refusalOf(failed)?.code).toBe('unavailable')
      expect(runs).toBe(1)
      await expect.poll(() => value(1), { timeout: 10_000 }).toBe(when === 'after' ? 1 : 0)
    },
  )

  it('that fails otherwise is not repeated', async () => {
    let runs = 0
    const failing = database.transaction().execute(async (tx) => {
      runs += 1
      await sql`SELECT 1 / 0`.execute(tx)
    })
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    expect(runs).toBe(1)
  })
})
