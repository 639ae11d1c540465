import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EncryptCommand, KMSClient, ReEncryptCommand } from '@aws-sdk/client-kms'
import { openFileStore } from '../../packages/server/src/adapters/blob/file-store.ts'
import { openAwsKms } from '../../packages/server/src/adapters/kms/aws.ts'
import { connectDatabase } from '../../packages/server/src/database/connect.ts'
import { rotateKmsKey } from '../../packages/server/src/domain/keys/kms-rotation.ts'
import { useDatabase } from '../../tests/dev-env/engines/postgres-debian.ts'
import { CREDENTIALS } from '../../tests/dev-env/kms-double/server.ts'
import { startDevServer } from '../../tests/dev-env/server.ts'
import { type Row, timed } from '../measure.ts'
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

/** As many `ReEncrypt` calls as there are accounts, by the SDK alone. */
async function bareCalls(endpoint: string, count: number): Promise<number> {
  const client = new KMSClient({ region: REGION, endpoint })
  const context = { account: 'bench' }
  const encrypted = await client.send(
    new EncryptCommand({ KeyId: ALIAS, Plaintext: new Uint8Array(32), EncryptionContext: context }),
  )
  let left = count
  const ms = await timed(() =>
    Promise.all(
      Array.from({ length: LANES }, async () => {
        while (left > 0) {
          left -= 1
          await client.send(
            new ReEncryptCommand({
              CiphertextBlob: encrypted.CiphertextBlob,
              SourceEncryptionContext: context,
              DestinationEncryptionContext: context,
              DestinationKeyId: ALIAS,
            }),
          )
        }
      }),
    ),
  )
  client.destroy()
  return ms
}

function ownCpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
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
    const [moved, bare, calls]: [number[], number[], number[]] = [[], [], []]
    const [movedCpu, bareCpu]: [number[], number[]] = [[], []]
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
        for (let run = 0; run < (full ? 7 : quick ? 1 : 3); run += 1) {
          let count = 0
          const counted = {
            ...keys,
            reEncrypt: (...input: Parameters<typeof keys.reEncrypt>) => {
              count += 1
              return keys.reEncrypt(...input)
            },
          }
          const deps = { database, keys: counted, store, clock: { nowMs: () => Date.now() } }
          // Reason: by itself a rotation keeps to 250 a second, so that others are served meanwhile.
          const options = { step: async () => undefined, perSecond: Number.POSITIVE_INFINITY }
          const before = process.cpuUsage()
          moved.push(await timed(() => rotateKmsKey(deps, options)))
          movedCpu.push(ownCpuMs(before))
          calls.push(count)
          const between = process.cpuUsage()
          bare.push(await bareCalls(kms.url, accounts))
          bareCpu.push(ownCpuMs(between))
        }
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
    const task = `${accounts} accounts to a new key, unthrottled`
    const rows: Row[] = [
      { task, by: 'strongroom', samples: moved, unit: 'ms' },
      { task, by: 'as many bare ReEncrypt calls of the SDK, 16 at once', samples: bare, unit: 'ms' },
      { task: `${task}: CPU of its process`, by: 'strongroom', samples: movedCpu, unit: 'ms' },
      { task: `${task}: CPU of its process`, by: 'bare calls', samples: bareCpu, unit: 'ms' },
      { task: `${task}: calls of ReEncrypt`, by: 'strongroom', samples: calls, unit: 'calls' },
    ]
    return rows
  },
}
