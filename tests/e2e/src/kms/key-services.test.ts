import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { CREDENTIALS, type KmsDouble, startKmsDouble } from '../../../dev-env/kms-double/server.ts'
import { type DevServer, DevServerError, startDevServer } from '../../../dev-env/server.ts'
import { createSoftHsm, type SoftHsm, WITHOUT_HSM } from '../../../dev-env/soft-hsm.ts'

const AWS = { AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-kms-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Registers, puts a file, and gets it back from another device. */
async function useIt(server: DevServer, login: string): Promise<void> {
  const content = randomBytes(100_000)
  const file = path.join(folder, `${login}.bin`)
  await writeFile(file, content)
  await using device = await CliDevice.create(server.url)
  await device.register(login)
  await device.ok(['put', file, '/file.bin'])
  await using other = await CliDevice.create(server.url)
  await other.login(login)
  expect((await other.ok(['cat', '/file.bin'])).stdout.equals(content)).toBe(true)
}

/** The one line with which a server that must not start ends. */
async function refusal(options: Parameters<typeof startDevServer>[0]): Promise<string> {
  const error: unknown = await startDevServer(options).then(
    (server) => server.stop(),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof DevServerError)) throw new Error('the server started')
  const lines = error.output.split('\n').filter((line) => line.startsWith('strongroom:'))
  expect(lines).toHaveLength(1)
  return lines[0] ?? ''
}

describe('a server on AWS KMS', () => {
  let double: KmsDouble
  let dataDir: string
  let env: Record<string, string>
  beforeAll(async () => {
    double = await startKmsDouble()
    dataDir = path.join(folder, 'aws')
    env = {
      ...AWS,
      KMS_URL: `awskms://eu-central-1/alias/strongroom?endpoint=${double.url}`,
      KMS_KEY_SCOPE: 'per-user',
    }
  })
  afterAll(() => double.close())

  it('serves users, makes a key for each at the first upload, and starts again', async () => {
    const server = await startDevServer({ dataDir, env })
    await useIt(server, 'ann@example.org')
    // The shared key, and that of the one account that has uploaded something.
    expect(double.store.keyCount).toBe(2)
    await using idle = await CliDevice.create(server.url)
    await idle.register('idle@example.org')
    expect(double.store.keyCount).toBe(2)
    expect(server.logs()).toContain('Without the keys in AWS KMS nothing opens')
    expect(await server.stop()).toBe(0)
    const again = await startDevServer({ dataDir, env })
    await useIt(again, 'bob@example.org')
    expect(double.store.keyCount).toBe(3)
    expect(await again.stop()).toBe(0)
  })

  it('makes no account while KMS is away, and says so; the same command makes it afterwards', async () => {
    const server = await startDevServer({ dataDir, env })
    await using device = await CliDevice.create(server.url)
    const recovery = path.join(folder, 'away.txt')
    const register = ['register', 'away@example.org', '--recovery-file', recovery]
    double.fail({ fault: 'throttle' })
    const refused = await device.run(register)
    double.heal()
    expect(refused).toMatchObject({ code: 7, stderr: expect.stringMatching(/could not make the account/) })
    expect(refused.stderr).not.toContain('recovery key')
    await device.ok(register)
    await device.ok(['recovery', 'test', '--recovery-key-file', recovery])
    expect(await server.stop()).toBe(0)
  })

  it('ends its start with one line when KMS is away, refuses, or is another', async () => {
    double.fail({ fault: 'down' })
    expect(await refusal({ dataDir, env })).toMatch(/AWS KMS cannot be used at the moment \(ServiceUnavailable\)/)
    double.heal()
    double.fail({ fault: 'denied' })
    expect(await refusal({ dataDir, env })).toMatch(/the policy of this server does not allow/)
    double.heal()
    expect(await refusal({ dataDir, env: { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' } })).toMatch(/wrong AWS credentials/)
    const other = await startKmsDouble()
    expect(
      await refusal({ dataDir, env: { ...env, KMS_URL: env.KMS_URL?.replace(double.url, other.url) ?? '' } }),
    ).toMatch(/The AWS KMS of KMS_URL lacks the key/)
    await other.close()
    const { KMS_URL: _, ...without } = env
    expect(await refusal({ dataDir, env: without })).toMatch(
      /The key file \S+ lacks the key that this data was sealed with/,
    )
    expect(await refusal({ dataDir, env: { ...env, KMS_URL: 'awskms://secret' } })).not.toContain('secret')
  })
})

describe.skipIf(WITHOUT_HSM)('a server on an HSM', () => {
  let hsm: SoftHsm
  beforeAll(async () => {
    hsm = await createSoftHsm()
  })
  afterAll(() => hsm.dispose())

  it('serves users, and starts again', async () => {
    const dataDir = path.join(folder, 'hsm')
    const env = { ...hsm.env, KMS_URL: hsm.url }
    const server = await startDevServer({ dataDir, env })
    await useIt(server, 'ann@example.org')
    expect(server.logs()).toContain('Without the keys on the token nothing opens')
    expect(await server.stop()).toBe(0)
    const again = await startDevServer({ dataDir, env })
    await useIt(again, 'bob@example.org')
    expect(await again.stop()).toBe(0)
    const wrong = path.join(folder, 'wrong-pin')
    await writeFile(wrong, '1111')
    await chmod(wrong, 0o600)
    const refused = await refusal({ dataDir, env: { ...env, KMS_URL: hsm.url.replace(hsm.pinFile, wrong) } })
    expect(refused).toMatch(/The token refuses the PIN of pin-source \(CKR_PIN_INCORRECT\); it is not tried again\./)
  })
})
