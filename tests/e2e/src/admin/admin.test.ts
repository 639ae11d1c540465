import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'
import { operator, type UserPage } from './operator.ts'

let folder: string
let dataDir: string
let server: DevServer
let ann: CliDevice
const admin = () => operator({ STRONGROOM_DATA: dataDir })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-admin-'))
  dataDir = join(folder, 'data')
  server = await startDevServer({ dataDir })
  ann = await CliDevice.create(server.url)
  await ann.register('Ann@Example.org')
})
afterAll(async () => {
  await ann?.[Symbol.asyncDispose]()
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('an operator', () => {
  it('lists accounts, and names one by id or login name', async () => {
    const all = await admin().json<UserPage>('users')
    expect(all).toMatchObject({ accounts: [{ usedBytes: 0, sessions: 1, disabled: null }], next: null })
    const id = all.accounts[0]?.account ?? ''
    expect(await admin().json<UserPage>('users', 'ann@example.org')).toEqual(all)
    expect(await admin().json<UserPage>('users', id)).toEqual(all)
    expect(await admin().json<UserPage>('users', '--all')).toEqual(all)
    expect(await admin().ok('users')).toMatch(new RegExp(`^${id}  .* 0 B of `))
    expectFailure(await admin().run(['users', 'bob']), 3, /no such account.*admin users/)
    const bob = await CliDevice.create(server.url)
    await bob.register('bob')
    const first = await admin().json<UserPage>('users', '--limit', '1')
    expect(first.accounts.map((entry) => entry.account)).toEqual([id])
    const second = await admin().json<UserPage>('users', '--limit', '1', '--after', first.next ?? '')
    expect(second).toMatchObject({ accounts: [{ sessions: 1 }], next: null })
    await bob[Symbol.asyncDispose]()
  })

  it('sets quotas: an upload beyond one ends with 8, and what is there stays', async () => {
    const file = join(folder, 'file')
    const bytes = randomBytes(700_000)
    await writeFile(file, bytes)
    await ann.ok(['put', '-q', file, '/file'])
    expect(await admin().ok('quota', 'ann@example.org', '500k')).toMatch(/ of 500 kB$/)
    expect(JSON.parse((await ann.ok(['whoami', '--json'])).stdout.toString())).toMatchObject({ quotaBytes: 500_000 })
    expectFailure(await ann.run(['put', '-q', file, '/more']), 8, /room/)
    expect((await ann.ok(['cat', '/file'])).stdout.equals(bytes)).toBe(true)
    await ann.ok(['mkdir', '/folder'])
    expect(await admin().ok('quota', 'ann@example.org', 'default')).toMatch(/the default of the server/)
    await ann.ok(['put', '-q', file, '/more'])
    expectFailure(await admin().run(['quota', 'ann@example.org', 'lots']), 2, /quota must be bytes/)
    expectFailure(await admin().run(['quota', 'nobody', '1k']), 3, /no such account/)
  })

  it('disables an account: sessions and logins end with 4, and all is as before once it is enabled', async () => {
    const other = await CliDevice.create(server.url)
    expect((await admin().run(['disable', 'ann@example.org'])).stderr).toMatch(/nothing of it is deleted/)
    expectFailure(await ann.run(['ls', '/']), 4, /operator.*disabled/)
    expectFailure(await other.run(['login', 'ann@example.org']), 4, /operator.*disabled/)
    expectFailure(await other.run(['login', 'ann@example.org'], { password: 'wrong' }), 4, /name or password is wrong/)
    expect(await admin().ok('users', 'ann@example.org')).toMatch(/disabled \d{4}-\d\d-\d\d$/)
    await admin().ok('gc')
    await admin().ok('enable', 'ann@example.org')
    expect((await ann.ok(['ls', '/'])).stdout.toString()).toContain('file\n')
    await other.login('ann@example.org')
    await other[Symbol.asyncDispose]()
  })

  it('stops an upload that is running, which goes on where it was afterwards', async () => {
    const file = join(folder, 'large')
    const bytes = randomBytes(24_000_000)
    await writeFile(file, bytes)
    const upload = ann.run(['put', '-q', '--limit-rate', '3M', file, '/large'])
    const isRunning = async () => (await readdir(join(dataDir, 'blobs/uploads')).catch(() => [])).length > 0
    await expect.poll(isRunning, { timeout: 120_000, interval: 20 }).toBe(true)
    await admin().ok('disable', 'ann@example.org')
    expectFailure(await upload, 4, /operator.*disabled/)
    await admin().ok('enable', 'ann@example.org')
    await ann.ok(['put', '-q', file, '/large'])
    expect((await ann.ok(['cat', '/large'])).stdout.equals(bytes)).toBe(true)
  })

  it('collects now, and sees before what would go', async () => {
    await ann.ok(['rm', '-q', '--permanent', '/large'])
    const report = await admin().json<{ jobs: { job: string; busy: boolean }[] }>('gc', '--dry-run')
    expect(report.jobs.map((entry) => entry.job)).toContain('collect-blobs')
    expect(await admin().ok('gc')).toMatch(/^collect-blobs\s/m)
  })

  it('prints all that the server holds about an account, without a name or a secret', async () => {
    const text = await admin().ok('disclose', 'ann@example.org')
    const document = JSON.parse(text) as { tables: Record<string, object[]>; rows: Record<string, number> }
    const shown = Object.fromEntries(Object.entries(document.tables).map(([table, rows]) => [table, rows.length]))
    expect(shown).toEqual(Object.fromEntries(Object.entries(document.rows).filter(([, count]) => count > 0)))
    expect(shown.commits).toBeGreaterThan(3)
    for (const secret of ['ann@', 'Ann@', 'file', 'folder', ann.password]) expect(text).not.toContain(secret)
    expect((await ann.ok(['audit'])).stdout.toString()).toMatch(/disclosed/)
    expectFailure(await admin().run(['disclose', 'nobody']), 3, /no such account/)
  })
})

describe('the way to the server', () => {
  it('is a socket for its owner, which a kill leaves behind and the next start replaces', async () => {
    const socket = join(dataDir, 'admin.sock')
    expect((await stat(socket)).mode & 0o777).toBe(0o600)
    await server.kill9()
    expect((await stat(socket)).isSocket()).toBe(true)
    const refused = await admin().run(['users'])
    expectFailure(refused, 7, /No server runs on the data folder .*; start it/)
    server = await startDevServer({ dataDir, port: Number(new URL(server.url).port) })
    expect((await stat(socket)).mode & 0o777).toBe(0o600)
    expect((await admin().json<UserPage>('users')).accounts.length).toBe(2)
    expect((await readdir(dataDir)).filter((name) => name.startsWith('.admin'))).toEqual([])
  })

  it('is never the network', async () => {
    for (const path of ['/v1/admin', '/v1/admin/users', '/admin', '/admin.sock']) {
      expect((await fetch(`${server.url}${path}`)).status).toBe(404)
    }
  })

  it('is named by --data too, and each wrong use of it is one line', async () => {
    const elsewhere = operator({})
    expect((await elsewhere.run(['--data', dataDir, 'users'])).code).toBe(0)
    expectFailure(await elsewhere.run(['--data', join(folder, 'nothing'), 'users']), 7, /No server runs/)
    expectFailure(await elsewhere.run(['--data', '', 'users']), 2, /--data/)
    expectFailure(await admin().run(['users'], { PORT: 'x' }), 2, /PORT/)
    const wrong: [string[], RegExp][] = [
      [['users', '--limit', '0'], /--limit/],
      [['users', '--after', 'x'], /after/],
      [['users', 'ann', '--all'], /--all/],
      [['quota'], /account/],
      [['invite', '--uses', '0'], /--uses/],
      [['invite', '--expires', 'soon'], /--expires/],
      [['invite', '--quota', 'x'], /--quota/],
      [['bogus'], /bogus/],
      [['users', '--bogus'], /--bogus/],
    ]
    for (const [parameters, line] of wrong) expectFailure(await admin().run(parameters), 2, line)
  })

  it('explains itself: admin alone prints its verbs, with code 2', async () => {
    const result = await admin().run([])
    expect(result.code).toBe(2)
    expect(result.stderr).toMatch(/Usage: strongroom admin[\s\S]*disclose/)
  })
})
