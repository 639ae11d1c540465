import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCluster } from '../../../dev-env/engines/cluster.ts'
import { type DebianPostgres, startDebianPostgres, useDatabase } from '../../../dev-env/engines/postgres-debian.ts'
import { DevServerError, startDevServer } from '../../../dev-env/server.ts'

let folder: string
let postgres: DebianPostgres
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-database-'))
  postgres = await startDebianPostgres({ tls: true })
})
afterAll(async () => {
  await postgres?.close()
  await rm(folder, { recursive: true, force: true })
})

async function asAdmin(statement: string, database?: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url(database) })
  await client.connect()
  await client.query(statement).finally(() => client.end())
}

/** Exit code and the one line of a server that does not start with this DATABASE_URL. */
async function refusal(url: string): Promise<[number | null, string]> {
  const started = await startDevServer({
    dataDir: join(folder, 'data'),
    env: { DATABASE_URL: url, LOG_LEVEL: 'error' },
  }).catch((error: unknown) => error)
  if (!(started instanceof DevServerError)) throw new Error('the server has started')
  expect(started.output).toMatch(/^strongroom: [^\n]+\n$/)
  return [started.exitCode, started.output]
}

describe.each(['15', '18'] as const)('four servers that start at once on an empty PostgreSQL %s', (version) => {
  it('make its schema once, and all serve', async () => {
    await using database = await useDatabase(version)
    await using cluster = await startCluster({ servers: 4, database: database.url })
    for (const server of cluster.servers) expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    const keys = await Promise.all(
      cluster.servers.map(async ({ url }) => ((await (await fetch(`${url}/v1/info`)).json()) as Info).opaquePublicKey),
    )
    expect(new Set(keys).size).toBe(1)
  })
})

interface Info {
  readonly opaquePublicKey: string
}

describe('a server refuses', () => {
  it('a database that it cannot reach, enter or find, in one line without the password', async () => {
    const password = new URL(postgres.url()).password
    const [code, wrong] = await refusal(postgres.url().replace(password, 'not-the-password'))
    expect([code, wrong]).toEqual([1, expect.stringMatching(/DATABASE_URL names cannot be used: password auth/)])
    expect(wrong).not.toContain('not-the-password')
    expect(await refusal(postgres.url('none'))).toEqual([1, expect.stringMatching(/database "none" does not exist/)])
    expect(await refusal('postgres://127.0.0.1:9/none')).toEqual([1, expect.stringMatching(/ECONNREFUSED/)])
    expect(await refusal('postgres://none.invalid/none')).toEqual([1, expect.stringMatching(/cannot be used/)])
  })

  it('a database server whose certificate nobody has signed, unless it is named', async () => {
    const checked = `${postgres.url()}?sslmode=require`
    expect(await refusal(checked)).toEqual([1, expect.stringMatching(/self-signed certificate/)])
    const missing = `${checked}&sslrootcert=/nowhere/root.pem`
    expect(await refusal(missing)).toEqual([2, expect.stringMatching(/DATABASE_URL names a certificate or key that/)])
    const url = `${checked}&sslrootcert=${postgres.certificate}`
    const server = await startDevServer({ dataDir: join(folder, 'tls'), env: { DATABASE_URL: url } })
    const client = new pg.Client({ connectionString: postgres.url() })
    await client.connect()
    const { rows } = await client.query(`SELECT bool_and(ssl) AS ssl, count(*)::int AS count
      FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name LIKE 'strongroom%'`)
    await client.end()
    await server.stop()
    expect(rows).toEqual([{ ssl: true, count: expect.any(Number) }])
    expect(rows[0].count).toBeGreaterThan(1)
  })

  it('a database of another encoding', async () => {
    await asAdmin(`CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
    expect(await refusal(postgres.url('latin'))).toEqual([1, expect.stringMatching(/encoding LATIN1; make one by/)])
  })

  it('a database whose schema is newer than its own', async () => {
    await asAdmin(`INSERT INTO migrations (version, name, checksum) VALUES (9999, 'later', '')`)
    expect(await refusal(postgres.url())).toEqual([1, expect.stringMatching(/9999, which is newer than this server/)])
  })

  it('a schema in which it may make no tables', async () => {
    await asAdmin(`CREATE ROLE guest LOGIN PASSWORD 'guest'`)
    await asAdmin(`CREATE DATABASE guests TEMPLATE template0`)
    const url = postgres.url('guests').replace(/postgres:[^@/]*@/, 'guest:guest@')
    expect(await refusal(url)).toEqual([1, expect.stringMatching(/permission denied for schema public/)])
  })
})
