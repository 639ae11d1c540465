import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openKeyFile } from '../adapters/kms/key-file.ts'
import { loadConfig } from '../config.ts'
import { type KeyManagement, KeyManagementError, type Signals } from '../ports/index.ts'
import { type Check, notes } from './check.ts'
import { checkClocks } from './clock.ts'
import { checkKeys } from './keys.ts'
import { corsRules, serverPolicy } from './policies.ts'
import { checkSettings } from './settings.ts'
import { checkSignals } from './signals.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-doctor-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function collected(): { checks: Check[]; take: ReturnType<typeof notes> } {
  const checks: Check[] = []
  return { checks, take: notes((check) => checks.push(check)) }
}

describe('clocks', () => {
  it.each([
    [0, 'ok', /agrees/],
    [29_000, 'ok', /agrees/],
    [60_000, 'warn', /60 s ahead of/],
    [-60_000, 'warn', /60 s behind/],
    [20 * 60_000, 'fail', /1200 s ahead of the clock of the store/],
    [-20 * 60_000, 'fail', /refused/],
  ] as const)('that differ by %d ms', (difference, status, found) => {
    const { checks, take } = collected()
    checkClocks([{ name: 'the store', theirMs: 1e12, ownMs: 1e12 + difference }], take)
    expect(checks).toMatchObject([{ status, found: expect.stringMatching(found) }])
  })
})

describe('signals', () => {
  const signals = (connected: boolean): Signals => ({
    send: async () => undefined,
    listen: () => () => undefined,
    connected: () => connected,
    close: async () => undefined,
  })
  const later: Signals = {
    ...signals(false),
    listen(hear) {
      setImmediate(hear, null)
      return () => undefined
    },
  }

  it.each([
    ['that arrived already', signals(true), 'ok'],
    ['that arrive soon', later, 'ok'],
    ['that never arrive', signals(false), 'warn'],
  ] as const)('%s', async (_, given, status) => {
    const { checks, take } = collected()
    await checkSignals(given, take, 20)
    expect(checks).toMatchObject([{ name: 'database.signals', status }])
  })
})

describe('keys', () => {
  const statuses = async (change: (keys: KeyManagement) => Partial<KeyManagement>) => {
    const own = await openKeyFile({ file: path.join(folder, 'keys.json'), clock: { nowMs: () => Date.now() } })
    const keyId = await own.currentKeyId()
    const { checks, take } = collected()
    // The methods of the adapter are functions of their own.
    await checkKeys({ ...own, ...change(own) }, keyId, 'paste the policy', take)
    await own.close()
    return Object.fromEntries(checks.map(({ name, status }) => [name, status]))
  }

  it('are good where they wrap, unwrap and refuse', async () => {
    const good = { 'keys.reach': 'ok', 'keys.current': 'ok', 'keys.round-trip': 'ok', 'keys.context': 'ok' }
    expect(await statuses(() => ({}))).toEqual(good)
  })

  it('are not, where another context or changed bytes open, other bytes come back, or the key is disabled', async () => {
    let context = {}
    const remember = (keys: KeyManagement): Partial<KeyManagement> => ({
      wrap: (keyId, bytes, given) => {
        context = given
        return keys.wrap(keyId, bytes, given)
      },
      unwrap: (wrapped) => keys.unwrap(wrapped, context),
    })
    expect(await statuses(remember)).toMatchObject({ 'keys.round-trip': 'ok', 'keys.context': 'fail' })
    expect(await statuses(() => ({ unwrap: async () => new Uint8Array(32) }))).toMatchObject({
      'keys.round-trip': 'fail',
    })
    expect(await statuses(() => ({ keyState: async () => 'disabled' }))).toMatchObject({ 'keys.current': 'fail' })
    const away = () => Promise.reject(new KeyManagementError('unavailable', 'away'))
    expect(await statuses(() => ({ check: away }))).toEqual({ 'keys.reach': 'fail' })
  })
})

describe('settings', () => {
  const look = async (env: Record<string, string>) => {
    const { checks, take } = collected()
    await checkSettings(loadConfig({ STRONGROOM_DATA: folder, ...env }), Date.now(), take)
    return Object.fromEntries(checks.map(({ name, status }) => [name, status]))
  }

  it('are good on this machine alone, and are looked at closely beyond it', async () => {
    expect(Object.values(await look({}))).not.toContain('warn')
    expect(await look({ HOST: '0.0.0.0' })).toMatchObject({ 'settings.public-url': 'warn' })
    const plain = { PUBLIC_URL: 'http://files.example.org', REGISTRATION: 'open' }
    expect(await look(plain)).toMatchObject({ 'settings.public-url': 'fail', 'settings.registration': 'warn' })
    const proxied = { PUBLIC_URL: 'https://files.example.org' }
    expect(await look(proxied)).toMatchObject({ 'settings.public-url': 'ok', 'settings.proxies': 'warn' })
    expect(await look({ ...proxied, TRUSTED_PROXIES: '10.0.0.5' })).not.toHaveProperty('settings.proxies')
    expect(await look({ TLS_CERT: '/nowhere', TLS_KEY: '/nowhere' })).toMatchObject({ 'settings.certificate': 'fail' })
  })
})

describe('what is to be pasted', () => {
  it('names the origin, the bucket, its prefix and the key, and nothing else of them', () => {
    expect(corsRules('https://files.example.org').CORSRules[0]?.AllowedOrigins).toEqual(['https://files.example.org'])
    const { blobs, kms } = loadConfig({
      BLOB_URL: 's3://bucket/some/where?region=eu-central-1',
      KMS_URL: 'awskms://eu-central-1/alias/strongroom',
    })
    const policy = serverPolicy(blobs.kind === 's3' ? blobs : null, kms)
    expect(policy.Statement.map(({ Resource }) => Resource)).toEqual([
      'arn:aws:s3:::bucket',
      'arn:aws:s3:::bucket/some/where/*',
      'arn:aws:kms:eu-central-1:ACCOUNT:key/*',
      'arn:aws:kms:eu-central-1:ACCOUNT:alias/strongroom*',
      '*',
    ])
    expect(policy.Statement.flatMap(({ Action }) => Action)).not.toContain('s3:*')
  })
})
