import { createHash, createHmac, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openAwsKms } from '../../../packages/server/src/adapters/kms/aws.ts'
import type { KeyManagement } from '../../../packages/server/src/ports/index.ts'
import { CREDENTIALS, type Fault, type KmsDouble, startKmsDouble } from '../../dev-env/kms-double/server.ts'
import { keyManagementContract } from './key-management-contract.ts'

const CONTEXT = { purpose: 'test', account: 'a1' }
const FAULTS: readonly Fault[] = [
  'throttle',
  'internal',
  'down',
  'denied',
  'stall',
  'slow-body',
  'reset',
  'lost',
  'half',
  'garbage',
]

const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const
const before = names.map((name) => process.env[name])
beforeAll(() => {
  process.env.AWS_ACCESS_KEY_ID = CREDENTIALS.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = CREDENTIALS.secretAccessKey
})
afterAll(() => {
  for (const [at, name] of names.entries()) {
    if (before[at] === undefined) delete process.env[name]
    else process.env[name] = before[at]
  }
})

function open(double: KmsDouble, alias = 'alias/strongroom'): Promise<KeyManagement> {
  return openAwsKms({ region: 'eu-central-1', alias, endpoint: double.url })
}

keyManagementContract('AWS KMS', async () => {
  const double = await startKmsDouble()
  const opened: KeyManagement[] = []
  const reopen = async () => {
    const keys = await open(double)
    opened.push(keys)
    return keys
  }
  return {
    keys: await reopen(),
    reopen,
    advance: (ms) => double.store.advance(ms),
    outages: FAULTS.map((fault) => ({
      name: fault,
      begin: async () => double.fail({ fault }),
      end: async () => double.heal(),
    })),
    dispose: async () => {
      for (const keys of opened) await keys.close()
      await double.close()
    },
  }
})

describe('AWS KMS', () => {
  let double: KmsDouble
  beforeAll(async () => {
    double = await startKmsDouble()
  })
  afterAll(() => double.close())

  it('makes one key for servers that race, and has those that lost destroyed', async () => {
    const servers = await Promise.all([1, 2, 3, 4].map(() => open(double, 'alias/raced')))
    const ids = await Promise.all(servers.map((keys) => keys.currentKeyId()))
    expect(new Set(ids).size).toBe(1)
    double.store.advance(7 * 24 * 60 * 60 * 1000)
    expect(double.store.keyCount).toBe(1)
  })

  it('keeps its own key when the answer to its alias was lost', async () => {
    const keys = await open(double, 'alias/lost')
    double.fail({ fault: 'lost', count: 1, operation: 'CreateAlias' })
    const keyId = await keys.currentKeyId()
    expect(await keys.keyState(keyId)).toBe('enabled')
    expect(await keys.currentKeyId()).toBe(keyId)
  })

  it('uses the key that a server made before it died without giving it the alias, and no other', async () => {
    const before = double.store.keyCount
    for (const [alias, make] of [
      ['alias/stray', (keys: KeyManagement) => keys.currentKeyId()],
      ['alias/named', (keys: KeyManagement) => keys.createKey('shared-1')],
    ] as const) {
      const keys = await open(double, alias)
      // Another one that has no alias either.
      const other = await keys.createKey()
      double.fail({ fault: 'reset', operation: 'CreateAlias' })
      await expect(make(keys)).rejects.toMatchObject({ code: 'unavailable' })
      double.heal()
      const made = double.calls.get('CreateKey') ?? 0
      const found = await make(await open(double, alias))
      expect(double.calls.get('CreateKey')).toBe(made)
      expect(found).not.toBe(other)
      expect(await make(await open(double, alias))).toBe(found)
    }
    expect(double.store.keyCount).toBe(before + 4)
  })

  it('never has a key destroyed that it found, whoever gets the alias', async () => {
    const keys = await open(double, 'alias/found')
    double.fail({ fault: 'reset', operation: 'CreateAlias' })
    await expect(keys.currentKeyId()).rejects.toMatchObject({ code: 'unavailable' })
    double.heal()
    const stray = double.store.strayId('Strongroom alias/found')
    // The alias goes to another one between the look and the request for it; its answer to that tells the loser.
    const winner = await keys.createKey()
    double.store.onAlias = () => double.store.createAlias('alias/found', winner)
    expect(await (await open(double, 'alias/found')).currentKeyId()).toBe(winner)
    expect(await keys.keyState(stray)).toBe('enabled')
  })

  it('makes a key where it may not list them', async () => {
    const keys = await open(double, 'alias/unlisted')
    double.fail({ fault: 'denied', operation: 'ListKeys' })
    expect(await keys.keyState(await keys.currentKeyId())).toBe('enabled')
    double.heal()
  })

  it('never repeats the request that makes a key', async () => {
    const keys = await open(double)
    const made = double.calls.get('CreateKey') ?? 0
    double.fail({ fault: 'lost', count: 1, operation: 'CreateKey' })
    await expect(keys.createKey()).rejects.toMatchObject({ code: 'unavailable' })
    expect(double.calls.get('CreateKey')).toBe(made + 1)
  })

  it('passes over a single failure by one repetition', async () => {
    const keys = await open(double)
    const keyId = await keys.createKey()
    for (const fault of ['throttle', 'internal', 'down', 'reset', 'lost'] as const) {
      double.fail({ fault, count: 1 })
      await keys.wrap(keyId, randomBytes(32), CONTEXT)
    }
  })

  it('keeps no connection to a service that begins answers and does not end them', async () => {
    const keys = await open(double)
    const [one, two] = [await keys.createKey(), await keys.createKey()]
    const wrapped = await keys.wrap(one, randomBytes(32), CONTEXT)
    double.fail({ fault: 'slow-body' })
    await Promise.all([
      expect(keys.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'unavailable' }),
      expect(keys.reEncrypt(wrapped, CONTEXT, two)).rejects.toMatchObject({ code: 'unavailable' }),
      vi.waitFor(() => expect(double.endless()).toBe(2)),
    ])
    double.heal()
    await vi.waitFor(() => expect(double.endless()).toBe(0), { timeout: 5_000 })
  })

  it('gives the key with every blob, so that one of another key is refused', async () => {
    const keys = await open(double)
    const [one, two] = [await keys.createKey(), await keys.createKey()]
    const wrapped = Buffer.from(await keys.wrap(one, randomBytes(32), CONTEXT))
    wrapped.write(two, 2, 'latin1')
    await expect(keys.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'invalid_ciphertext' })
  })

  it('says in one line what is wrong with credentials, and names no key', async () => {
    const keys = await open(double)
    const keyId = await keys.createKey()
    for (const [fault, line] of [
      ['denied', /the policy of this server/],
      ['throttle', /at the moment \(ThrottlingException\)/],
    ] as const) {
      double.fail({ fault })
      const error = await keys.wrap(keyId, randomBytes(32), CONTEXT).catch((thrown: unknown) => thrown)
      double.heal()
      expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(line) })
      expect(String(error)).not.toContain(keyId)
    }
    process.env.AWS_SECRET_ACCESS_KEY = 'another'
    const refused = await (await open(double)).check().catch((thrown: unknown) => thrown)
    process.env.AWS_SECRET_ACCESS_KEY = CREDENTIALS.secretAccessKey
    expect(refused).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/wrong AWS credentials/) })
  })
})

describe('the double of AWS KMS', () => {
  let double: KmsDouble
  beforeAll(async () => {
    double = await startKmsDouble()
  })
  afterAll(() => double.close())

  /** Signs a request as the specification says, with what is asked for changed. */
  async function send(change: { ageMs?: number; body?: string; secret?: string; unsigned?: string; region?: string }) {
    const date = new Date(Date.now() - (change.ageMs ?? 0)).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
    const day = date.slice(0, 8)
    const target = 'TrentService.CreateKey'
    const host = new URL(double.url).host
    const headers = { 'content-type': 'application/x-amz-json-1.1', host, 'x-amz-date': date, 'x-amz-target': target }
    const signed = Object.keys(headers).filter((name) => name !== change.unsigned)
    const values = headers as Record<string, string>
    const hash = (text: string) => createHash('sha256').update(text).digest('hex')
    const canonical = [
      'POST',
      '/',
      '',
      ...signed.map((name) => `${name}:${values[name]}`),
      '',
      signed.join(';'),
      hash('{}'),
    ]
    const scope = [day, change.region ?? 'eu-central-1', 'kms', 'aws4_request']
    const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), hash(canonical.join('\n'))].join('\n')
    const first: string | Buffer = `AWS4${change.secret ?? CREDENTIALS.secretAccessKey}`
    const key = scope.reduce(
      (derived: string | Buffer, part) => createHmac('sha256', derived).update(part).digest(),
      first,
    )
    const signature = createHmac('sha256', key).update(text).digest('hex')
    const authorization = `AWS4-HMAC-SHA256 Credential=${CREDENTIALS.accessKeyId}/${scope.join('/')}, SignedHeaders=${signed.join(';')}, Signature=${signature}`
    const { host: _, ...sent } = headers
    const response = await fetch(double.url, {
      method: 'POST',
      headers: { ...sent, authorization },
      body: change.body ?? '{}',
    })
    const answer = (await response.json()) as { __type?: string }
    return answer.__type ?? 'ok'
  }

  it('takes only requests whose signature covers them, of now and of its own region', async () => {
    expect(await send({})).toBe('ok')
    expect(await send({ body: '{"Description":"other"}' })).toBe('InvalidSignatureException')
    expect(await send({ secret: 'wrong' })).toBe('InvalidSignatureException')
    expect(await send({ ageMs: 6 * 60_000 })).toBe('InvalidSignatureException')
    expect(await send({ ageMs: -6 * 60_000 })).toBe('InvalidSignatureException')
    expect(await send({ unsigned: 'x-amz-target' })).toBe('InvalidSignatureException')
    expect(await send({ region: 'us-east-1' })).toBe('InvalidSignatureException')
    expect(((await (await fetch(double.url, { method: 'POST' })).json()) as { __type: string }).__type).toBe(
      'MissingAuthenticationTokenException',
    )
  })
})
