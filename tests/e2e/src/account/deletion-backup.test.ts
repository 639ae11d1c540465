import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { operator } from '../admin/operator.ts'

const [GONE, STAYS] = ['gone@example.org', 'stays@example.org']
const env = { KMS_KEY_SCOPE: 'per-user' }

let folder: string
const file = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-deletion-backup-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function serving<T>(dataDir: string, task: (server: DevServer) => Promise<T>): Promise<T> {
  const server = await startDevServer({ dataDir, env })
  try {
    return await task(server)
  } finally {
    await server.stop()
  }
}

/** What a new device sees of an account: the content of its file, or the exit code of what failed first. */
async function opened({ url }: DevServer, login: string): Promise<string | number | null> {
  await using device = await CliDevice.create(url)
  const signedIn = await device.run(['login', login])
  if (signedIn.code !== 0) {
    expect(signedIn.stderr).toMatch(/frozen|disabled|cannot be used/)
    return signedIn.code
  }
  return (await device.ok(['cat', '/file'])).stdout.toString()
}

interface KeyFile {
  keys: { id: string; state: string; destroyAtMs: number | null; versions: string[] }[]
}

it('a backup of a deleted account opens before, and nothing of it from the moment that the receipt names', async () => {
  const data = file('data')
  const devices: Record<string, CliDevice> = {}
  const port = await serving(data, async (server) => {
    for (const login of [GONE, STAYS]) {
      const device = await CliDevice.create(server.url)
      await device.register(login)
      await device.ok(['put', '-q', '-', '/file'], { input: `content of ${login}` })
      devices[login] = device
    }
    expect(
      (await operator({ STRONGROOM_DATA: data }).json<{ ownKeys: object }>('kms', 'status')).ownKeys,
    ).toMatchObject({
      inUse: 2,
    })
    await operator({ STRONGROOM_DATA: data }).ok('backup', file('backups'), '--without-keys')
    return Number(new URL(server.url).port)
  })

  /** The backup put back, with the key file as it is by then. */
  const restored = async <T>(name: string, task: (server: DevServer) => Promise<T>): Promise<T> => {
    const keys = join(data, 'keys.json')
    await operator({ STRONGROOM_DATA: file(name) }).ok('restore', file('backups'), '--keys', keys)
    return serving(file(name), task)
  }
  await restored('before', async (server) => {
    for (const login of [GONE, STAYS]) expect(await opened(server, login)).toBe(`content of ${login}`)
  })

  const server = await startDevServer({ dataDir: data, env, port })
  const receipt = file('receipt.json')
  const gone = devices[GONE]
  await gone?.ok(['account', 'delete', '--confirm', GONE, '--receipt', receipt])
  const shown = JSON.parse((await gone?.ok(['--json', 'verify-receipt', receipt]))?.stdout.toString() ?? '{}')
  await server.stop()
  expect(shown).toMatchObject({ scope: 'per-user', backupsNoiseFrom: expect.stringMatching(/^\d{4}-/) })

  // The key refuses at once; who runs the key service could still take that back.
  await restored('waiting', async (waiting) => {
    expect(await opened(waiting, GONE)).not.toBe(`content of ${GONE}`)
    expect(await opened(waiting, STAYS)).toBe(`content of ${STAYS}`)
  })

  // The moment of the receipt has come: for a key file that is the time which is written in it.
  const keys = JSON.parse(await readFile(join(data, 'keys.json'), 'utf8')) as KeyFile
  const pending = keys.keys.filter((key) => key.state === 'pending_destruction')
  expect(pending.map((key) => key.destroyAtMs)).toEqual([Date.parse(shown.backupsNoiseFrom)])
  for (const key of pending) key.destroyAtMs = Date.now() - 1000
  await writeFile(join(data, 'keys.json'), JSON.stringify(keys), { mode: 0o600 })
  await restored('after', async (after) => {
    expect(await opened(after, GONE)).not.toBe(`content of ${GONE}`)
    expect(await opened(after, STAYS)).toBe(`content of ${STAYS}`)
    // Nothing can take this back: the key is no longer in the file.
    const left = JSON.parse(await readFile(join(file('after'), 'keys.json'), 'utf8')) as KeyFile
    expect(left.keys.find((key) => key.id === pending[0]?.id)).toMatchObject({ state: 'destroyed', versions: [] })
  })
  for (const device of Object.values(devices)) await device[Symbol.asyncDispose]()
})
