import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'
import { operator } from './operator.ts'

interface Status {
  kind: string
  sharedKeys: { id: string; use: string; state: string; outerKeys: number; setup: boolean }[]
  rotation: object | null
}

let folder: string
let dataDir: string
let server: DevServer
let ann: CliDevice
const content = randomBytes(300_000)
const admin = () => operator({ STRONGROOM_DATA: dataDir })
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-admin-kms-'))
  dataDir = join(folder, 'data')
  server = await startDevServer({ dataDir })
  ann = await CliDevice.create(server.url)
  await ann.register('ann@example.org')
  await writeFile(join(folder, 'file'), content)
  await ann.ok(['put', '-q', join(folder, 'file'), '/file'])
})
afterAll(async () => {
  await ann?.[Symbol.asyncDispose]()
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function opensAnew(): Promise<void> {
  await using device = await CliDevice.create(server.url)
  await device.login('ann@example.org')
  expect((await device.ok(['cat', '/file'])).stdout.equals(content)).toBe(true)
}

it('rotates the shared key, has the old one destroyed, and rotates an outer key, through the socket', async () => {
  const before = await admin().json<Status>('kms', 'status')
  expect(before).toMatchObject({ kind: 'file', rotation: null, sharedKeys: [{ use: 'current', outerKeys: 1 }] })
  const moved = await admin().json<{ toKey: string }>('kms', 'rotate')
  expect(moved).toMatchObject({ moved: 1, left: 0, failed: 0 })
  expect(await admin().ok('kms', 'status')).toMatch(
    /retired {2}enabled {2}0 outer keys\n.*current {2}enabled {2}1 outer key/,
  )
  const old = before.sharedKeys[0]?.id ?? ''
  expect(await admin().ok('kms', 'destroy-retired', '--days', '7')).toMatch(new RegExp(`^${old} {2}gone by 20`))
  expect(await admin().json('kms', 'rotate-outer', 'ann@example.org')).toMatchObject({ version: 2 })
  expect((await ann.ok(['audit'])).stdout.toString()).toMatch(/key/)
  await opensAnew()
  expect(await server.stop()).toBe(0)
  server = await startDevServer({ dataDir, port: Number(new URL(server.url).port) })
  await opensAnew()
  expect(await readFile(join(dataDir, 'keys.json'), 'utf8')).toContain(old)
})

it('says what is wrong in one line', async () => {
  expectFailure(await admin().run(['kms', 'rotate', '--to', 'f'.repeat(32)]), 3, /no such key/)
  expectFailure(await admin().run(['kms', 'rotate-outer', 'bob']), 3, /no such account/)
  expectFailure(await admin().run(['kms', 'destroy-retired', '--days', '6']), 2, /--days/)
  expectFailure(await admin().run(['kms', 'rotate', '--own', '--to', 'x']), 2, /--to is for the shared key/)
  expectFailure(await admin().run(['kms', 'rotate', '--account', 'ann@example.org']), 6, /no key of its own/)
  expect(await admin().json('kms', 'rotate', '--own')).toEqual({ rotated: 0, failed: [], toKey: null })
  expect(await admin().json('kms', 'destroy-retired')).toEqual({ destroyed: [] })
})
