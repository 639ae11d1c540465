import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../packages/server/src/adapters/database/embedded.ts'
import { openAwsKms } from '../../../packages/server/src/adapters/kms/aws.ts'
import { connectDatabase } from '../../../packages/server/src/database/connect.ts'
import type { Database } from '../../../packages/server/src/database/tables.ts'
import { eachConcurrently } from '../../../packages/server/src/domain/concurrency.ts'
import { sharedKeyId } from '../../../packages/server/src/domain/keys/kms-keys.ts'
import { insertOuterKey, makeOuterKey, outerKeys } from '../../../packages/server/src/domain/keys/outer-keys.ts'
import { openOuter, sealOuter } from '../../../packages/server/src/domain/keys/outer-layer.ts'
import { keyringPlace } from '../../../packages/server/src/domain/keys/places.ts'
import type { KeyManagement } from '../../../packages/server/src/ports/index.ts'
import { CliDevice } from '../../dev-env/cli.ts'
import { CREDENTIALS, type KmsDouble, startKmsDouble } from '../../dev-env/kms-double/server.ts'
import { type DevServer, startDevServer } from '../../dev-env/server.ts'

const ACCOUNTS = process.env.STRONGROOM_SOAK === '1' ? 1000 : 300
/** Shares of the accounts that are moved when the program is killed. */
const KILLS = [0.3, 0.6]
/** Exit code where the key service does not answer in time. */
const AWAY = 7
const BIN = fileURLToPath(new URL('../../../apps/cli/bin/strongroom.js', import.meta.url))
const AWS = { AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey }

const clock = { nowMs: () => Date.now() }
const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) }

let folder: string
let postgres: EmbeddedPostgres
let double: KmsDouble
let keys: KeyManagement
let database: Database
let env: Record<string, string>
const servers: DevServer[] = []

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-rotation-'))
  Object.assign(process.env, AWS)
  ;[postgres, double] = await Promise.all([
    startEmbeddedPostgres({ dataDir: path.join(folder, 'postgres') }),
    startKmsDouble(),
  ])
  keys = await openAwsKms({ region: 'eu-central-1', alias: 'alias/strongroom', endpoint: double.url })
  env = {
    ...AWS,
    DATABASE_URL: postgres.url,
    BLOB_URL: pathToFileURL(path.join(folder, 'blobs')).href,
    KMS_URL: `awskms://eu-central-1/alias/strongroom?endpoint=${double.url}`,
  }
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  await database?.destroy()
  await keys?.close()
  await double?.close()
  await postgres?.close()
  for (const name of Object.keys(AWS)) delete process.env[name]
  await rm(folder, { recursive: true, force: true })
})

async function startServer(name: string): Promise<DevServer> {
  const server = await startDevServer({ dataDir: path.join(folder, name), env })
  servers.push(server)
  return server
}

/** Accounts that nobody logs in to, with what the outer layer of each protects. */
async function makeAccounts(count: number): Promise<{ id: Uint8Array; secret: Uint8Array }[]> {
  const kmsKeyId = await sharedKeyId({ database, keys, clock })
  const template = await database.selectFrom('accounts').selectAll().limit(1).executeTakeFirstOrThrow()
  const made = Array.from({ length: count }, () => ({ id: random.bytes(16), secret: random.bytes(300) }))
  await eachConcurrently(made, 8, async ({ id, secret }) => {
    const outer = await makeOuterKey({ keys, random }, { accountId: id, version: 1, kmsKeyId })
    const sealed = sealOuter(random, outer.key, keyringPlace(id, 1), secret)
    await database.transaction().execute(async (tx) => {
      const row = { ...template, id, login_hash: Buffer.from(id).toString('hex') }
      await tx.insertInto('accounts').values(row).execute()
      await insertOuterKey(tx, id, outer, Date.now())
      await tx.insertInto('keyrings').values({ account_id: id, version: 1, outer_version: 1, sealed }).execute()
    })
  })
  return made
}

async function movedFrom(oldKey: string, total: number): Promise<number> {
  const row = await database
    .selectFrom('outer_keys')
    .select((build) => build.fn.countAll<number>().as('left'))
    .where('kms_key_id', '=', oldKey)
    .executeTakeFirstOrThrow()
  return total - row.left
}

function admin(...parameters: string[]): { child: ChildProcess; ended: Promise<number | null>; output: () => string } {
  const child = spawn(process.execPath, [BIN, 'admin', 'kms', ...parameters], {
    env: {
      ...process.env,
      ...env,
      STRONGROOM_HOME: path.join(folder, 'nobody'),
      STRONGROOM_DATA: path.join(folder, 'one'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
  return { child, ended: once(child, 'exit').then(([code]) => code as number | null), output: () => output }
}

/** Rotates until so many accounts have moved, and kills it then. Where the machine is too slow for KMS, it is begun anew. */
async function killOnceMoved(target: number, moved: () => Promise<number>): Promise<void> {
  for (;;) {
    const rotation = admin('rotate')
    let code: number | null | undefined
    void rotation.ended.then((ended) => {
      code = ended
    })
    while (code === undefined && (await moved()) < target) await new Promise((resolve) => setTimeout(resolve, 20))
    if (code === undefined) {
      rotation.child.kill('SIGKILL')
      expect(await rotation.ended).toBeNull()
      return
    }
    expect(code, rotation.output()).toBe(AWAY)
  }
}

it('moves every account to a new key through two kills while users work; the old key is then destroyed', async () => {
  const [one] = [await startServer('one'), await startServer('two')]
  database = connectDatabase({ connectionString: postgres.url, max: 12 }, () => undefined)
  const content = randomBytes(200_000)
  const file = path.join(folder, 'file')
  await writeFile(file, content)
  await using ann = await CliDevice.create(one.url)
  await ann.register('ann@example.org')
  await ann.ok(['put', '-q', file, '/file'])
  const accounts = await makeAccounts(ACCOUNTS)
  const total = ACCOUNTS + 1
  const oldKey = await sharedKeyId({ database, keys, clock })

  // Users: one signs in from a new device again and again, one reads through the other server.
  let working = true
  let rounds = 0
  const users = servers.map(async (server) => {
    while (working) {
      await using device = await CliDevice.create(server.url)
      await device.login('ann@example.org')
      expect((await device.ok(['cat', '/file'])).stdout.equals(content)).toBe(true)
      rounds += 1
    }
  })

  for (const share of KILLS) {
    await killOnceMoved(Math.floor(share * total), () => movedFrom(oldKey, total))
    expect(await movedFrom(oldKey, total)).toBeLessThan(total)
  }
  for (;;) {
    const last = admin('rotate', '--json')
    const code = await last.ended
    if (code === 0) break
    expect(code, last.output()).toBe(AWAY)
  }
  expect(await movedFrom(oldKey, total)).toBe(total)
  working = false
  await Promise.all(users)
  expect(rounds).toBeGreaterThan(0)
  // One call for each; what was under way at a kill is done again.
  expect(double.calls.get('ReEncrypt')).toBeGreaterThan(total)

  const destroyed = admin('destroy-retired', '--days', '7')
  expect(await destroyed.ended, destroyed.output()).toBe(0)
  expect(destroyed.output()).toContain(oldKey)
  double.store.advance(7 * 24 * 60 * 60 * 1000)
  await expect(keys.keyState(oldKey)).rejects.toMatchObject({ code: 'key_not_found' })
  const outer = outerKeys({ database, keys, clock, random })
  await eachConcurrently(accounts, 8, async ({ id, secret }) => {
    const row = await database
      .selectFrom('keyrings')
      .select(['outer_version', 'sealed'])
      .where('account_id', '=', id)
      .executeTakeFirstOrThrow()
    const opened = openOuter(await outer.version(id, row.outer_version), keyringPlace(id, 1), row.sealed)
    expect(Buffer.from(opened).equals(secret)).toBe(true)
  })
  const fresh = await startServer('three')
  await using device = await CliDevice.create(fresh.url)
  await device.login('ann@example.org')
  expect((await device.ok(['cat', '/file'])).stdout.equals(content)).toBe(true)
})
