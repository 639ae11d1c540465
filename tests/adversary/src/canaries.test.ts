import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseRecoveryKey } from '@strongroom/crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../dev-env/cli.ts'
import { dumpRows } from './harness/database.ts'
import { readTree } from './harness/files.ts'
import { keyBytes, openInsider } from './harness/insider.ts'
import { type Canary, findNeedles, type Haystack, textCanary } from './harness/needles.ts'
import { openOuterLayer } from './harness/outer.ts'
import { bytesOf, type LyingProxy, startProxy } from './harness/proxy.ts'
import { dataFolder, type ServerProcess, startServer } from './harness/server.ts'

const PASSWORD = 'Canary-password-7f3a9c plover'
const LOGIN = 'canary.login.quetzalcoatl'
const DEVICE = 'canary-device-kingfisher'
const FOLDER = 'canary-folder-nightjar'
const FILE = 'canary-file-bittern.txt'
const RENAMED = 'canary-renamed-dotterel.txt'
const TARGET = '../canary-target-whimbrel'
const LINK = 'canary-link-sandpiper'
const CONTENT = 'canary content: the bullion leaves at dawn by the north gate'
const TYPED = '/canary-typed-lapwing'

/** What must be nowhere outside the device. */
const NAMES = [
  textCanary('device name', DEVICE),
  textCanary('folder name', FOLDER),
  textCanary('file name', FILE),
  textCanary('new file name', RENAMED),
  textCanary('link name', LINK),
  textCanary('link target', TARGET),
  textCanary('typed path', TYPED.slice(1)),
]
const PLAINTEXT = [textCanary('password', PASSWORD), textCanary('content', CONTENT)]
const LOGIN_NAME = textCanary('login name', LOGIN)

let server: ServerProcess
let proxy: LyingProxy
let device: CliDevice
let folder: string
let data: Awaited<ReturnType<typeof dataFolder>>
let secrets: Canary[]
let serviceSecrets: Canary[]
let tokens: Canary[]
let accountId: Uint8Array
let wire: Haystack[]
let rows: Haystack[]
let files: Haystack[]
let postgresFiles: Haystack[]
let log: Haystack
let failures: Haystack[]

beforeAll(async () => {
  data = await dataFolder()
  server = await startServer({ dataFolder: data.path, env: { LOG_LEVEL: 'debug' } })
  proxy = await startProxy(server.url)
  device = await CliDevice.create(proxy.url, PASSWORD)
  folder = await mkdtemp(join(tmpdir(), 'strongroom-canaries-'))
  const recoveryFile = join(device.home, 'recovery.txt')
  await device.ok(['register', LOGIN, '--recovery-file', recoveryFile, '--device-name', DEVICE])
  await useEverything()
  failures = await provokeFailures()

  const recoveryText = recoveryKeyIn(await readFile(recoveryFile, 'utf8'))
  const recovery = parseRecoveryKey(recoveryText).use((bytes) => Uint8Array.from(bytes))
  const insider = await openInsider(device.home, server.url)
  accountId = insider.accountId
  secrets = [
    textCanary('recovery key', recoveryText),
    textCanary('recovery key without dashes', recoveryText.replaceAll('-', '')),
    { name: 'recovery key bytes', bytes: recovery },
    ...(await keyBytes(insider)),
  ]

  serviceSecrets = await (await openOuterLayer(server)).secrets(accountId)
  tokens = [
    { name: 'session token', bytes: Buffer.from(insider.token, 'base64url') },
    ...signaturesIn(proxy.exchanges.map(({ request }) => request.path)),
  ]

  wire = proxy.exchanges.map((exchange, index) => ({
    name: `exchange ${index} ${exchange.request.method} ${exchange.request.path.split('?')[0]}`,
    bytes: bytesOf(exchange),
  }))
  await server.database.query('CHECKPOINT')
  rows = await dumpRows(server.database)
  const everything = await readTree(data.path, (path) => path.startsWith('postgres/binaries'))
  postgresFiles = everything.filter(({ name }) => name.startsWith('postgres/'))
  files = everything.filter(({ name }) => !name.startsWith('postgres/'))
  log = { name: 'server log', bytes: Buffer.from(server.output()) }
})

afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await server?.stop()
  await device?.[Symbol.asyncDispose]()
  await data?.remove()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

/** Every verb once, so that whatever it sends, stores or logs is there to be searched. */
async function useEverything(): Promise<void> {
  const tree = join(folder, FOLDER)
  await mkdir(tree)
  await writeFile(join(tree, FILE), CONTENT)
  await writeFile(join(tree, 'empty'), '')
  await symlink(TARGET, join(tree, LINK))
  // Large enough to travel in two parts by presigned URLs.
  await writeFile(join(tree, 'large'), `${CONTENT}\n`.repeat(150_000))
  await device.ok(['put', '-r', tree, '/'])
  await device.ok(['ls', '-r', '-l', '/'])
  await device.ok(['mkdir', '-p', `/${FOLDER}/below`])
  await device.ok(['cat', `/${FOLDER}/${FILE}`])
  await device.ok(['get', '-r', `/${FOLDER}`, join(folder, 'back')])
  await device.ok(['mv', `/${FOLDER}/${FILE}`, `/${FOLDER}/${RENAMED}`])
  await device.ok(['cp', `/${FOLDER}/${RENAMED}`, `/${FOLDER}/${FILE}`])
  await device.ok(['rm', `/${FOLDER}/${FILE}`])
  await device.ok(['put', '-', `/${FOLDER}/stream`], { input: CONTENT })
  await device.ok(['whoami'])
  await using second = await CliDevice.create(proxy.url, PASSWORD)
  await second.ok(['login', LOGIN, '--device-name', DEVICE])
  await second.ok(['ls', '/'])
  await second.ok(['logout'])
}

/** Commands that end with an error, each with what it printed there. */
async function provokeFailures(): Promise<Haystack[]> {
  await using stranger = await CliDevice.create(proxy.url, PASSWORD)
  const runs = [
    ['wrong password', await stranger.run(['login', LOGIN, '--verbose'], { password: `${PASSWORD}x` })],
    ['login taken', await stranger.run(['register', LOGIN, '--verbose', '--recovery-file', join(folder, 'r')])],
    ['missing path', await device.run(['get', TYPED, join(folder, 'x'), '--verbose'])],
    ['no server', await device.run(['ls', '/', '--verbose'], { server: 'http://127.0.0.1:9' })],
    ['target exists', await device.run(['mkdir', `/${FOLDER}`, '--verbose'])],
  ] as const
  for (const [name, result] of runs) expect(result.code, name).not.toBe(0)
  return runs.map(([name, result]) => ({ name: `stderr of "${name}"`, bytes: Buffer.from(result.stderr) }))
}

/** The secret part of every presigned URL that was used. */
function signaturesIn(paths: readonly string[]): Canary[] {
  const found = paths
    .map((path) => new URL(path, 'http://x').searchParams.get('signature'))
    .filter((sig) => sig !== null)
  return found.map((sig, index) => ({ name: `signature ${index} of a URL`, bytes: Buffer.from(sig, 'base64url') }))
}

function recoveryKeyIn(text: string): string {
  const found = /[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){7}/.exec(text)
  if (found === null) throw new Error('the recovery file holds no recovery key')
  return found[0]
}

describe('what was recorded', () => {
  it('is the traffic of every route that the command line uses', () => {
    const paths = wire.map(({ name }) => name)
    for (const path of ['/v1/register/start', '/v1/register/finish', '/v1/login/start', '/v1/login/finish']) {
      expect(paths.some((name) => name.includes(path), path)).toBe(true)
    }
    for (const path of ['/commits', '/v1/blobs', '/v1/blobs/parts', '/v1/blobs/open', '/v1/store/', '/v1/logout']) {
      expect(paths.some((name) => name.includes(path), path)).toBe(true)
    }
    expect(findNeedles([LOGIN_NAME], wire), 'the login name travels').not.toEqual([])
    expect(findNeedles([{ name: 'account', bytes: accountId }], wire), 'the account id travels').not.toEqual([])
  })

  it('is every row, blob, file and log line', () => {
    const account = [{ name: 'account', bytes: accountId }]
    for (const table of ['accounts[0].id', 'envelopes[0].account_id', 'vaults[0].owner_id', 'commits[1].bytes']) {
      expect(rows.map(({ name }) => name)).toContain(table)
    }
    expect(findNeedles(account, rows)).not.toEqual([])
    expect(findNeedles(account, postgresFiles), 'rows are found in the raw files of PostgreSQL too').not.toEqual([])
    const ciphertext = files
      .filter(({ name }) => name.startsWith('blobs/'))
      .reduce((sum, file) => sum + file.bytes.length, 0)
    expect(ciphertext).toBeGreaterThan(8 * 1024 * 1024)
    expect(Buffer.from(log.bytes).toString('utf8')).toContain('/v1/login/finish')
    for (const { name, bytes } of failures) expect(bytes.length, name).toBeGreaterThan(20)
  })

  it('shows what is put there in plain text', async () => {
    const planted = join(data.path, 'planted')
    await writeFile(planted, `a line with ${Buffer.from(CONTENT).toString('base64url')} in it`)
    const found = await readTree(data.path, (path) => path !== 'planted')
    await rm(planted)
    expect(findNeedles(PLAINTEXT, found)).toContain('content in base64url+0 at planted')
  })

  it('includes keys that really are the ones in use', () => {
    const names = secrets.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['recovery key', 'account key', 'vault key', 'DEK 0', 'DEK 1']))
    expect(new Set(secrets.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(secrets.length)
  })
})

describe('no password, key, name or content', () => {
  it('crosses the wire', () => {
    expect(findNeedles([...PLAINTEXT, ...NAMES, ...secrets], wire)).toEqual([])
  })

  it('stands in a row of the database', () => {
    expect(findNeedles([...PLAINTEXT, ...NAMES, ...secrets], rows)).toEqual([])
  })

  it('stands in a blob or any other file of the data folder', () => {
    expect(findNeedles([...PLAINTEXT, ...NAMES, ...secrets], files)).toEqual([])
  })

  it('stands in the raw files of PostgreSQL, its write-ahead log and its messages', () => {
    expect(findNeedles([...PLAINTEXT, ...NAMES, ...secrets], postgresFiles)).toEqual([])
  })

  it('stands in a log line of the server', () => {
    expect(findNeedles([...PLAINTEXT, ...NAMES, ...secrets], [log])).toEqual([])
  })

  it('is printed by a command that fails, but for the path that was typed', () => {
    const typed = new Set(['typed path', 'folder name'])
    const canaries = [...PLAINTEXT, ...NAMES.filter(({ name }) => !typed.has(name)), ...secrets]
    expect(findNeedles(canaries, failures)).toEqual([])
  })
})

describe('what lets somebody in', () => {
  it('travels, and is in no row, file or log line', () => {
    expect(tokens.length).toBeGreaterThan(2)
    expect(findNeedles(tokens.slice(0, 2), wire)).not.toEqual([])
    expect(findNeedles(tokens, [...rows, ...files, ...postgresFiles, log])).toEqual([])
  })
})

describe('the secrets of the service', () => {
  it('are in no row, blob or log line, and never travel', () => {
    expect(serviceSecrets.length).toBeGreaterThanOrEqual(6)
    const outsideOfKeyFile = files.filter(({ name }) => name !== 'keys.json')
    expect(findNeedles(serviceSecrets, [...rows, ...outsideOfKeyFile, ...postgresFiles, ...wire, log])).toEqual([])
    expect(findNeedles(serviceSecrets, files), 'the key file holds its keys').not.toEqual([])
  })
})

describe('the login name travels to the server', () => {
  it('and stays in no row, file or log line', () => {
    expect(findNeedles([LOGIN_NAME], [...rows, ...files, ...postgresFiles, log])).toEqual([])
  })

  it('and in no URL, header or answer', () => {
    const outside = proxy.exchanges.map(({ request, answer }, index) => ({
      name: `exchange ${index}`,
      bytes: Buffer.concat([
        Buffer.from(`${request.path}\n${request.rawHeaders.join('\n')}\n${answer?.rawHeaders.join('\n')}\n`),
        answer?.body ?? Buffer.alloc(0),
      ]),
    }))
    expect(findNeedles([LOGIN_NAME], outside)).toEqual([])
  })
})
