import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { examine } from '@strongroom/server'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CorsRule } from '../../../../packages/server/src/testing/bucket.ts'
import { CliDevice, runCli } from '../../../dev-env/cli.ts'
import { type TestBucket, useBucket } from '../../../dev-env/engines/bucket.ts'
import { runCeph } from '../../../dev-env/engines/ceph.ts'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import { type OwnDatabase, useDatabase } from '../../../dev-env/engines/postgres-debian.ts'
import { type StoreProxy, startStoreProxy } from '../../../dev-env/engines/store-proxy.ts'
import { CREDENTIALS, type KmsDouble, startKmsDouble } from '../../../dev-env/kms-double/server.ts'
import { startDevServer } from '../../../dev-env/server.ts'

const ORIGIN = 'http://localhost:8787'

interface Check {
  name: string
  status: 'ok' | 'warn' | 'fail'
  found: string
  mend: string
}
interface Answer {
  ok: boolean
  checks: Check[]
  cors: { CORSRules: CorsRule[] } | null
  policy: { Version: string; Statement: { Effect: string; Action: string[]; Resource: string }[] } | null
}

let folder: string
let database: OwnDatabase
let bucket: TestBucket
let store: StoreProxy
beforeAll(async () => {
  if (isLeftOut('ceph')) return
  folder = await mkdtemp(join(tmpdir(), 'strongroom-doctor-'))
  database = await useDatabase('18')
  bucket = await useBucket()
  store = await startStoreProxy(bucket.ceph.endpoint)
}, 300_000)
afterAll(async () => {
  if (isLeftOut('ceph')) return
  await store[Symbol.asyncDispose]()
  bucket.raw.close()
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

function settings(env: Record<string, string> = {}): Record<string, string> {
  return {
    STRONGROOM_DATA: join(folder, 'data'),
    DATABASE_URL: database.url,
    BLOB_URL: bucket.url({ prefix: 'some/where', endpoint: store.url }),
    PUBLIC_URL: ORIGIN,
    ...bucket.env,
    ...env,
  }
}

function run(env: Record<string, string>, ...flags: string[]) {
  return runCli(['doctor', ...flags], { home: join(folder, 'nobody'), server: 'http://127.0.0.1:9', env })
}

/** In this process, which needs the credentials in its own environment. */
async function ask(
  env: Record<string, string> = settings(),
): Promise<Answer & { code: number; by: Map<string, Check> }> {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) process.env[name] = env[name] ?? ''
  const found = await examine(env, () => undefined)
  const checks = found.checks.map((check): Check => ({ ...check }))
  const ok = checks.every(({ status }) => status !== 'fail')
  const by = new Map(checks.map((check) => [check.name, check]))
  // Through JSON, as --json has it.
  const { cors, policy } = JSON.parse(JSON.stringify(found)) as Pick<Answer, 'cors' | 'policy'>
  return { ok, checks, cors, policy, code: ok ? 0 : 1, by }
}

const failed = ({ checks }: Answer) => checks.filter(({ status }) => status === 'fail').map(({ name }) => name)

/** What stands behind a heading, as somebody would paste it. */
function printed(text: string, heading: string): unknown {
  const start = text.indexOf(`\n${heading}:\n`)
  expect(start, text).toBeGreaterThan(0)
  const rest = text.slice(start + heading.length + 3)
  const end = rest.indexOf('\n}\n')
  return JSON.parse(rest.slice(0, end + 2))
}

describe.skipIf(isLeftOut('ceph'))('doctor', () => {
  it('finds a bucket without CORS rules, and the rules that it prints mend it', async () => {
    const before = await run(settings())
    expect(before.code).toBe(1)
    const text = before.stdout.toString()
    expect(text).toMatch(/FAIL {2}browser\.cors: browsers at http:\/\/localhost:8787 are kept out/)
    expect(text).toMatch(/CORS rules that are printed below/)
    const { CORSRules } = printed(text, 'CORS rules') as { CORSRules: CorsRule[] }
    await bucket.raw.setCors(CORSRules)
    const after = await ask()
    expect([after.code, failed(after)]).toEqual([0, []])
    for (const name of ['client.put', 'client.length', 'client.range', 'client.expiry', 'client.write-once']) {
      expect([name, after.by.get(name)?.status]).toEqual([name, 'ok'])
    }
    // Nothing is left behind but what servers make there too.
    expect(await bucket.raw.keys()).toEqual(['some/where/named/write-once-probe'])
    expect(await bucket.raw.uploads()).toEqual([])
  })

  it('tells another origin, a method or a header that the rules leave out', async () => {
    const rule = (await ask()).cors?.CORSRules[0]
    if (rule === undefined) throw new Error('rules are given for every bucket')
    const cases: [Partial<CorsRule>, RegExp][] = [
      [{ AllowedOrigins: ['https://elsewhere.example.org'] }, /refused|origin/],
      [{ AllowedMethods: ['GET'] }, /PUT/],
      [{ AllowedHeaders: ['range'] }, /header x-amz|refused/],
      [{ ExposeHeaders: ['Content-Length'] }, /etag is not exposed/],
    ]
    for (const [change, found] of cases) {
      await bucket.raw.setCors([{ ...rule, ...change }])
      const { by, code } = await ask()
      expect([code, by.get('browser.cors')]).toEqual([
        1,
        expect.objectContaining({ found: expect.stringMatching(found) }),
      ])
    }
    await bucket.raw.setCors([rule])
    expect((await ask()).code).toBe(0)
  })

  it('finds what a policy does not allow, and the policy that it prints mends it', async () => {
    const { ceph } = bucket
    const user = `doctor-${randomBytes(4).toString('hex')}`
    const keys = {
      AWS_ACCESS_KEY_ID: randomBytes(10).toString('hex'),
      AWS_SECRET_ACCESS_KEY: randomBytes(20).toString('hex'),
    }
    const create = ['user', 'create', `--uid=${user}`, `--display-name=${user}`]
    await runCeph(ceph.folder, 'radosgw-admin', [
      ...create,
      `--access-key=${keys.AWS_ACCESS_KEY_ID}`,
      `--secret-key=${keys.AWS_SECRET_ACCESS_KEY}`,
    ])
    // A policy of the bucket names whom it is for.
    const allow = (policy: { Statement: object[] }) =>
      bucket.raw.setPolicy(
        JSON.stringify({
          ...policy,
          Statement: policy.Statement.map((one) => ({ ...one, Principal: { AWS: [`arn:aws:iam:::user/${user}`] } })),
        }),
      )
    const env = settings(keys)
    const none = await run(env)
    expect([none.code, none.stdout.toString()]).toEqual([1, expect.stringMatching(/FAIL {2}store\.reach: .*policy/)])
    const policy = printed(none.stdout.toString(), 'policy') as NonNullable<Answer['policy']>
    const without = (action: string) => ({
      ...policy,
      Statement: policy.Statement.map((one) => ({ ...one, Action: one.Action.filter((each) => each !== action) })),
    })
    for (const [action, name] of [
      ['s3:DeleteObject', 'store.delete'],
      ['s3:ListBucket', 'store.list'],
      ['s3:ListBucketMultipartUploads', 'store.uploads'],
    ] as const) {
      await allow(without(action))
      const { by, code } = await ask(env)
      expect([code, action, by.get(name)?.found]).toEqual([1, action, expect.stringContaining(action)])
      expect(by.get(name)?.mend).toMatch(/policy that is printed below/)
    }
    await allow(policy)
    const after = await ask(env)
    expect([after.code, failed(after)]).toEqual([0, []])
  })

  it('tells a bucket that keeps what is deleted, until a rule removes it', async () => {
    const versions = async () => (await ask()).by.get('store.versions')
    expect(await versions()).toMatchObject({ status: 'ok', found: 'what is deleted is gone' })
    // Said by the proxy: Ceph 16 knows no If-None-Match in a bucket with versions, and is refused as a whole.
    const body = Buffer.from('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>')
    store.intercept(({ path }) =>
      path.includes('?versioning') ? { kind: 'answer', status: 200, headers: {}, body } : null,
    )
    expect(await versions()).toMatchObject({ status: 'warn', mend: expect.stringContaining('noncurrent versions') })
    await bucket.raw.setLifecycle({ prefix: 'elsewhere/', noncurrentDays: 7 })
    expect(await versions()).toMatchObject({ status: 'warn' })
    await bucket.raw.setLifecycle({ prefix: 'some/', noncurrentDays: 7 })
    expect(await versions()).toMatchObject({ status: 'ok', found: expect.stringContaining('for the days of a rule') })
    store.relax()
  })

  it('tells a clock that is wrong, by how much, and against whom', async () => {
    const hook = join(folder, 'later.mjs')
    const skewed = (ms: number) => `
      const Real = Date
      globalThis.Date = class extends Real {
        constructor(...given) { given.length === 0 ? super(Real.now() + ${ms}) : super(...given) }
        static now() { return Real.now() + ${ms} }
      }`
    const env = settings({ NODE_OPTIONS: `--import=${pathToFileURL(hook).href}` })
    await writeFile(hook, skewed(20 * 60_000))
    const result = await run(env, '--json')
    expect(result.code).toBe(1)
    const far = JSON.parse(result.stdout.toString()) as Answer
    const clocks = far.checks.filter(({ name }) => name === 'clock')
    expect(clocks.map(({ status, found }) => [status, found])).toEqual([
      ['fail', expect.stringMatching(/1(19|20)\d s ahead of the clock of the database/)],
      ['fail', expect.stringMatching(/1(19|20)\d s ahead of the clock of the store/)],
    ])
    expect(clocks[0]?.mend).toMatch(/time server/)
  })

  it('tells a store that ignores checksums, lengths, write-once or the end of addresses', async () => {
    const taken = { kind: 'answer', status: 200, headers: { etag: '"1"' }, body: new Uint8Array() } as const
    const isSigned = (path: string) => path.includes('X-Amz-Signature') && path.includes('/objects/')
    /** Answers the n-th signed PUT of a length as if it had been taken. */
    const takes = async (length: string, which: number): Promise<Map<string, Check>> => {
      let seen = 0
      store.intercept(({ method, path, headers }) => {
        if (method !== 'PUT' || !isSigned(path) || headers['content-length'] !== length) return null
        seen += 1
        return seen === which ? taken : null
      })
      const { by } = await ask()
      store.relax()
      return by
    }
    const checksums = (await takes('1000', 1)).get('client.checksum')
    expect(checksums).toMatchObject({ status: 'warn', found: expect.stringMatching(/ignores checksums/) })
    expect(checksums?.mend).toMatch(/verify/)
    expect((await takes('1001', 1)).get('client.length')?.status).toBe('fail')
    expect((await takes('1000', 3)).get('client.write-once')?.status).toBe('fail')
    const body = Buffer.alloc(1000)
    store.intercept(({ method, path, headers }) =>
      method === 'GET' && isSigned(path) && headers.range === undefined
        ? { kind: 'answer', status: 200, headers: {}, body }
        : null,
    )
    expect((await ask()).by.get('client.expiry')?.status).toBe('fail')
    store.intercept(({ method, headers }) =>
      method === 'GET' && headers.range !== undefined ? { kind: 'answer', status: 200, headers: {}, body } : null,
    )
    const cached = (await ask()).by
    expect([cached.get('store.range')?.status, cached.get('client.range')?.status]).toEqual(['fail', 'fail'])
    store.relax()
  })

  it('tells a bucket that is not there, wrong credentials, and a store or database that nobody can reach', async () => {
    const absent = settings({
      BLOB_URL: bucket.url({ endpoint: store.url }).replace(bucket.raw.name, 'nowhere-at-all'),
    })
    expect((await ask(absent)).by.get('store.reach')?.found).toMatch(/does not exist/)
    const stranger = await ask(settings({ AWS_SECRET_ACCESS_KEY: 'wrong' }))
    expect(stranger.by.get('store.reach')?.found).toMatch(/credentials/)
    const closed = await ask(
      settings({
        BLOB_URL: bucket.url({ endpoint: 'http://127.0.0.1:9' }),
        DATABASE_URL: 'postgres://secret-user:secret-password@127.0.0.1:9/none',
      }),
    )
    expect(failed(closed)).toEqual(['database.reach', 'store.reach'])
    expect(JSON.stringify(closed)).not.toMatch(/secret-/)
  })

  it('tells why a database lets nobody in, and a store that is not the one of a database', async () => {
    const own = await useDatabase('15')
    const reach = async (change: (url: URL) => void) => {
      const url = new URL(own.url)
      change(url)
      const answer = await ask({ STRONGROOM_DATA: join(folder, 'shut'), DATABASE_URL: url.href })
      expect(answer.code).toBe(1)
      return answer.by.get('database.reach')
    }
    const client = new pg.Client({ connectionString: own.url })
    await client.connect()
    try {
      expect((await reach((url) => (url.pathname = '/none-of-this-name')))?.mend).toMatch(/CREATE DATABASE/)
      await client.query("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
      expect((await reach((url) => (url.pathname = '/ascii')))?.mend).toMatch(/ENCODING 'UTF8'/)
      await client.query("CREATE ROLE stranger LOGIN PASSWORD 'their-secret'")
      await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC')
      const stranger = await ask({
        STRONGROOM_DATA: join(folder, 'shut'),
        DATABASE_URL: Object.assign(new URL(own.url), { username: 'stranger', password: 'their-secret' }).href,
      })
      expect(stranger.code).toBe(1)
      expect(JSON.stringify(stranger)).not.toContain('their-secret')
      await using server = await startDevServer({ env: { DATABASE_URL: own.url } }).then((started) => ({
        ...started,
        [Symbol.asyncDispose]: () => started.stop().then(() => undefined),
      }))
      await using device = await CliDevice.create(server.url)
      await device.register('ann@example.org')
      const other = await ask(settings({ DATABASE_URL: own.url, BLOB_URL: bucket.url({ prefix: 'another/place' }) }))
      expect(other.by.get('store.setup')).toMatchObject({ status: 'fail', mend: expect.stringMatching(/BLOB_URL/) })
    } finally {
      await client.end()
      await own.close()
    }
  })

  it('tells a database that loses what it acknowledged, and not what servers set for themselves', async () => {
    const fast = await useDatabase('15')
    const client = new pg.Client({ connectionString: fast.url })
    await client.connect()
    try {
      await client.query('ALTER DATABASE strongroom SET synchronous_commit = off')
      await client.query("ALTER DATABASE strongroom SET default_transaction_isolation = 'serializable'")
      const { by, code } = await ask({ STRONGROOM_DATA: join(folder, 'fast'), DATABASE_URL: fast.url })
      expect(code).toBe(1)
      expect(by.get('database.durability')).toMatchObject({
        status: 'fail',
        mend: expect.stringMatching(/set fsync = on in postgresql.conf/),
      })
      expect(by.get('database.isolation')?.status).toBe('ok')
    } finally {
      await client.end()
      await fast.close()
    }
  })

  it('tells a key that is disabled, and a key service that refuses', async () => {
    const double: KmsDouble = await startKmsDouble()
    try {
      const env = {
        STRONGROOM_DATA: join(folder, 'with-kms'),
        DATABASE_URL: database.url,
        KMS_URL: `awskms://eu-central-1/alias/strongroom?endpoint=${double.url}`,
        AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      }
      const server = await startDevServer({ dataDir: env.STRONGROOM_DATA, env })
      await server.stop()
      const client = new pg.Client({ connectionString: database.url })
      await client.connect()
      const { rows } = await client.query<{ id: string }>("SELECT id FROM kms_keys WHERE state = 'current'")
      await client.end()
      const good = await ask(env)
      expect([good.code, rows.length === 0 || good.by.get('keys.context')?.status === 'ok']).toEqual([0, true])
      double.fail({ fault: 'denied', count: 1000 })
      const denied = await run({ ...env })
      expect([denied.code, denied.stdout.toString()]).toEqual([
        1,
        expect.stringMatching(/FAIL {2}keys\.reach: .*policy/),
      ])
      expect(JSON.stringify(printed(denied.stdout.toString(), 'policy'))).toMatch(/kms:Decrypt/)
      double.heal()
      expect((await ask(env)).code).toBe(0)
    } finally {
      await double.close()
    }
  })

  it('looks at an embedded server through its socket, at modes of files, and makes nothing', async () => {
    const nothing = join(folder, `nothing-${Date.now()}`)
    const fresh = await ask({ STRONGROOM_DATA: nothing })
    expect([fresh.code, failed(fresh)]).toEqual([0, []])
    await expect(readdir(nothing)).rejects.toThrow()
    const server = await startDevServer({ dataDir: join(folder, 'embedded') })
    try {
      const own = { STRONGROOM_DATA: server.dataDir }
      const good = await ask(own)
      expect([good.code, good.by.get('database.schema')?.status]).toEqual([0, 'ok'])
      expect(good.by.get('files.keys')).toMatchObject({ status: 'warn', found: expect.stringMatching(/same disk/) })
      await chmod(join(server.dataDir, 'keys.json'), 0o644)
      const open = await ask(own)
      expect([open.code, open.by.get('files.keys')?.mend]).toEqual([1, expect.stringMatching(/chmod 600/)])
    } finally {
      await server.stop()
    }
    await mkdir(nothing)
    const open = { STRONGROOM_DATA: nothing, HOST: '0.0.0.0', REGISTRATION: 'open' }
    expect((await ask(open)).by.get('settings.registration')?.status).toBe('warn')
    expect(failed(await ask({ ...open, PUBLIC_URL: 'http://files.example.org' }))).toEqual(['settings.public-url'])
  })
})
