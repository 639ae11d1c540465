import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DescribeKeyCommand, EncryptCommand, KMSClient, ReEncryptCommand } from '@aws-sdk/client-kms'
import { openFileStore } from '../../packages/server/src/adapters/blob/file-store.ts'
import { openAwsKms } from '../../packages/server/src/adapters/kms/aws.ts'
import { connectDatabase } from '../../packages/server/src/database/connect.ts'
import { rotateKmsKey } from '../../packages/server/src/domain/keys/kms-rotation.ts'
import { outerKeyContext } from '../../packages/server/src/domain/keys/outer-keys.ts'
import { useDatabase } from '../../tests/dev-env/engines/postgres-debian.ts'
import { CREDENTIALS } from '../../tests/dev-env/kms-double/server.ts'
import { startDevServer } from '../../tests/dev-env/server.ts'
import { inTurns, type Row, timed } from '../measure.ts'
import { servedAccounts } from '../served-accounts.ts'
import type { Suite } from './suite.ts'

const REGION = 'eu-central-1'
const ALIAS = 'alias/strongroom'
/** Calls under way, as many as the rotation has. */
const LANES = 16
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The double of AWS KMS as a process of its own, so that it takes no time from what is measured. */
async function startKms(): Promise<{ url: string; close(): void }> {
  const tsx = join(ROOT, 'node_modules/tsx/dist/cli.mjs')
  const main = join(ROOT, 'tests/dev-env/kms-double/main.ts')
  const child: ChildProcess = spawn(process.execPath, [tsx, main], { stdio: ['pipe', 'pipe', 'inherit'] })
  const url = await new Promise<string>((done, fail) => {
    child.once('error', fail)
    child.once('close', () => fail(new Error('the key service ended')))
    child.stdout?.once('data', (line: Buffer) => done(line.toString('utf8').trim()))
  })
  return { url, close: () => child.stdin?.end() }
}

/** The SDK alone, asked for the same as a rotation asks: keys named by id, a context as long, connections that are kept. */
async function bareSdk(endpoint: string): Promise<{ reEncrypt(count: number): Promise<void>; close(): void }> {
  const client = new KMSClient({ region: REGION, endpoint })
  const found = await client.send(new DescribeKeyCommand({ KeyId: ALIAS }))
  const key = found.KeyMetadata?.KeyId
  const context = { ...outerKeyContext(randomBytes(16), 1) }
  const encrypted = await client.send(
    new EncryptCommand({ KeyId: key, Plaintext: new Uint8Array(32), EncryptionContext: context }),
  )
  return {
    async reEncrypt(count) {
      let left = count
      await Promise.all(
        Array.from({ length: LANES }, async () => {
          while (left > 0) {
            left -= 1
            await client.send(
              new ReEncryptCommand({
                CiphertextBlob: encrypted.CiphertextBlob,
                SourceKeyId: key,
                SourceEncryptionContext: context,
                DestinationEncryptionContext: context,
                DestinationKeyId: key,
              }),
            )
          }
        }),
      )
    },
    close: () => client.destroy(),
  }
}

interface Calls {
  reEncrypt: number
  others: number
}

/** The same keys, whose use is counted. */
function countedCalls<T extends object>(keys: T, calls: Calls): T {
  return new Proxy(keys, {
    get(target, name) {
      const own = Reflect.get(target, name)
      if (typeof own !== 'function') return own
      return (...input: unknown[]) => {
        calls[name === 'reEncrypt' ? 'reEncrypt' : 'others'] += 1
        return Reflect.apply(own, target, input)
      }
    },
  })
}

/** Time and CPU of one run. */
interface Used {
  readonly ms: number
  readonly cpuMs: number
}

async function used(task: () => Promise<unknown>): Promise<Used> {
  const before = process.cpuUsage()
  const ms = await timed(task)
  const { user, system } = process.cpuUsage(before)
  return { ms, cpuMs: (user + system) / 1000 }
}

function rowsOf(accounts: number, runs: { moved: Used[]; alone: Used[]; calls: Calls }): Row[] {
  const task = `${accounts} accounts to a new key, unthrottled`
  const peer = 'as many bare ReEncrypt calls of the SDK, 16 at once'
  const row = (name: string, by: string, samples: number[], unit: Row['unit'] = 'ms') => ({
    task: name,
    by,
    samples,
    unit,
  })
  return [
    row(
      task,
      'strongroom',
      runs.moved.map(({ ms }) => ms),
    ),
    row(
      task,
      peer,
      runs.alone.map(({ ms }) => ms),
    ),
    row(
      `${task}: CPU of its process`,
      'strongroom',
      runs.moved.map(({ cpuMs }) => cpuMs),
    ),
    row(
      `${task}: CPU of its process`,
      peer,
      runs.alone.map(({ cpuMs }) => cpuMs),
    ),
    row(`${task}: calls of ReEncrypt`, 'strongroom', [runs.calls.reEncrypt], 'calls'),
    row(`${task}: other questions to the key service`, 'strongroom', [runs.calls.others], 'calls'),
  ]
}

export const rotation: Suite = {
  title: 'Rotation of the key in AWS KMS (a double of it)',
  async run({ full, quick }) {
    const accounts = quick ? 50 : 1_000
    process.env.AWS_ACCESS_KEY_ID = CREDENTIALS.accessKeyId
    process.env.AWS_SECRET_ACCESS_KEY = CREDENTIALS.secretAccessKey
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
    const kms = await startKms()
    const folder = await mkdtemp(join(tmpdir(), 'strongroom-rotation-'))
    try {
      await using postgres = await useDatabase('18')
      const server = await startDevServer({
        env: {
          DATABASE_URL: postgres.url,
          BLOB_URL: `file://${folder}`,
          KMS_URL: `awskms://${REGION}/${ALIAS}?endpoint=${kms.url}`,
          AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
          AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
          LOGIN_ATTEMPTS_PER_MINUTE: '1000000',
        },
      })
      const database = connectDatabase({ connectionString: postgres.url, max: 6 }, () => undefined)
      const keys = await openAwsKms({ region: REGION, alias: ALIAS, endpoint: kms.url })
      const store = await openFileStore(folder)
      try {
        const register = await servedAccounts(server.url)
        for (let done = 0; done < accounts; done += 10) await Promise.all(Array.from({ length: 10 }, register))
        const bare = await bareSdk(kms.url)
        const calls = { reEncrypt: 0, others: 0 }
        const counted = countedCalls(keys, calls)
        const deps = { database, keys: counted, store, clock: { nowMs: () => Date.now() } }
        // Reason: by itself a rotation keeps to 250 a second, so that others are served meanwhile.
        const options = { step: async () => undefined, perSecond: Number.POSITIVE_INFINITY }
        const contenders = [
          () => used(() => rotateKmsKey(deps, options)),
          () => used(() => bare.reEncrypt(accounts)),
        ] as const
        // Reason: the first round of each compiles, and opens connections.
        for (const contender of contenders) await contender()
        Object.assign(calls, { reEncrypt: 0, others: 0 })
        const runs = full ? 15 : quick ? 1 : 7
        const [moved = [], alone = []] = await inTurns(runs, contenders)
        bare.close()
        return rowsOf(accounts, {
          moved,
          alone,
          calls: { reEncrypt: calls.reEncrypt / runs, others: calls.others / runs },
        })
      } finally {
        await keys.close()
        await store.close()
        await database.destroy()
        await server.stop()
      }
    } finally {
      kms.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
}
