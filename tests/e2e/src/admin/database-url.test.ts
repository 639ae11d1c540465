import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../../packages/server/src/adapters/database/embedded.ts'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'
import { type Operator, operator, type UserPage } from './operator.ts'

let folder: string
let postgres: EmbeddedPostgres
let settings: Record<string, string>
let admin: Operator
let server: DevServer | null
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-database-'))
  postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') })
  settings = { DATABASE_URL: postgres.url, STRONGROOM_DATA: join(folder, 'data') }
  admin = operator(settings)
  server = null
})
afterAll(async () => {
  await server?.stop()
  await postgres?.close()
  await rm(folder, { recursive: true, force: true })
})

it('before a server was there, nothing is made and one line says what to do', async () => {
  expectFailure(await admin.run(['users']), 2, /BLOB_URL.*is not there/)
  await expect(readdir(join(folder, 'data'))).rejects.toThrow(/ENOENT/)
})

it('works on the database itself, beside a running server and without one', async () => {
  server = await startDevServer({ dataDir: settings.STRONGROOM_DATA ?? '', env: { DATABASE_URL: postgres.url } })
  expect(await readdir(join(folder, 'data'))).not.toContain('admin.sock')
  await using ann = await CliDevice.create(server.url)
  await ann.register('ann@example.org')
  await writeFile(join(folder, 'file'), randomBytes(50_000))
  await ann.ok(['put', '-q', join(folder, 'file'), '/file'])
  expect((await admin.json<UserPage>('users', 'ann@example.org')).accounts).toMatchObject([{ sessions: 1 }])
  await admin.ok('disable', 'ann@example.org')
  expectFailure(await ann.run(['ls', '/']), 4, /disabled/)
  await admin.ok('enable', 'ann@example.org')
  await ann.ok(['ls', '/'])
  await admin.ok('gc')
  expect(await admin.ok('invite')).toMatch(/^[0-9A-Z-]{23}$/)
  await server.stop()
  server = null
  expect(await admin.ok('quota', 'ann@example.org', '1G')).toMatch(/ of 1\.0 GB$/)
  const { tables } = JSON.parse(await admin.ok('disclose', 'ann@example.org')) as { tables: { blobs: object[] } }
  expect(tables.blobs.length).toBe(1)
})

it('refuses blobs, keys and databases that are not the server’s', async () => {
  const other = join(folder, 'other')
  expectFailure(await admin.run(['users'], { BLOB_URL: `file://${other}` }), 2, /BLOB_URL/)
  expectFailure(await admin.run(['users'], { DATABASE_URL: 'postgres://127.0.0.1:9/none' }), 7, /./)
  expectFailure(await admin.run(['users'], { DATABASE_URL: 'mysql://x' }), 2, /DATABASE_URL/)
  const empty = postgres.url.replace('postgres:///strongroom', 'postgres:///postgres')
  expectFailure(await admin.run(['users'], { DATABASE_URL: empty }), 1, /another version/)
})
