import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashMessage } from '@strongroom/crypto/envelope'
import { nodeEngine } from '@strongroom/crypto/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CborValue, encodeCbor } from '../../../packages/vault/src/header/cbor.ts'
import { CliDevice, type CliResult } from '../../dev-env/cli.ts'
import { copyOfHome, run, targetFolder } from './harness/cli.ts'
import { type Insider, openInsider } from './harness/insider.ts'
import { buildMutant, type Mutant, type Mutation } from './harness/mutant.ts'
import { dataFolder, type ServerProcess, startServer } from './harness/server.ts'

const CREATE = 1
const FOLDER = 0
const SYMLINK = 2

const NAMES_UNCHECKED: Mutation = {
  file: 'packages/vault/src/names.ts',
  find: "  if (name === '' || name === '.' || name === '..' || name.length > MAX_NAME_LENGTH) return false\n  if (name.includes('/') || name.includes('\\0') || !isWellFormed(name)) return false\n",
  replace: '',
}
const SINK_UNCHECKED: Mutation = {
  file: 'packages/client/src/platform/node/tree-sink.ts',
  find: "if (name === '' || name === '.' || name === '..' || name.includes('\\0')) throw integrityError('a file name')",
  replace: '',
}

let data: Awaited<ReturnType<typeof dataFolder>>
let server: ServerProcess
let device: CliDevice
let insider: Insider
let noSinkCheck: Mutant
let noCheck: Mutant

beforeAll(async () => {
  data = await dataFolder()
  server = await startServer({ dataFolder: data.path })
  device = await CliDevice.create(server.url)
  await device.register('mallory')
  await device.ok(['put', '-', '/good.txt'], { input: 'the honest file' })
  insider = await openInsider(device.home, server.url)
  ;[noSinkCheck, noCheck] = await Promise.all([
    buildMutant([NAMES_UNCHECKED]),
    buildMutant([NAMES_UNCHECKED, SINK_UNCHECKED]),
  ])
})

afterAll(async () => {
  await noSinkCheck?.[Symbol.asyncDispose]()
  await noCheck?.[Symbol.asyncDispose]()
  await server?.stop()
  await device?.[Symbol.asyncDispose]()
  await data?.remove()
})

type NodeOperation = [
  code: number,
  node: Uint8Array,
  parent: Uint8Array,
  name: Uint8Array,
  kind: number,
  payload: Uint8Array,
]

async function rootId(): Promise<Uint8Array> {
  return (await nodeEngine().sha256(hashMessage('root', insider.keyring.vaultId))).slice(0, 16)
}

function folder(parent: Uint8Array, name: string | Uint8Array, node = randomBytes(16)): NodeOperation {
  return [CREATE, node, parent, Buffer.from(name), FOLDER, new Uint8Array(0)]
}

function link(parent: Uint8Array, name: string, target: string, node = randomBytes(16)): NodeOperation {
  return [CREATE, node, parent, Buffer.from(name), SYMLINK, Buffer.from(target)]
}

function body(...operations: NodeOperation[]): Uint8Array {
  return encodeCbor([1, operations as CborValue[]])
}

/** A folder with a neighbour that must stay as it is. */
async function playground(): Promise<{ path: string; target: string; outside: string } & AsyncDisposable> {
  const top = await targetFolder()
  const [target, outside] = [join(top.path, 'target'), join(top.path, 'outside')]
  await mkdir(target)
  await mkdir(outside)
  return { path: top.path, target, outside, [Symbol.asyncDispose]: () => top[Symbol.asyncDispose]() }
}

async function download(target: string, bin?: string, path = '/'): Promise<CliResult> {
  // A device without cache reads the hostile commits itself.
  await using copy = await copyOfHome(device, { forget: ['vault.cache'] })
  const options = { home: copy.home, server: server.url, password: device.password }
  return await run(['get', '-r', path, target], bin === undefined ? options : { ...options, bin })
}

async function expectNothingOutside(ground: { path: string; outside: string }): Promise<void> {
  expect((await readdir(ground.path)).sort()).toEqual(['outside', 'target'])
  expect(await readdir(ground.outside)).toEqual([])
}

describe('a commit that its owner signed, with a name that', () => {
  it.each([
    ['climbs out', '../x'],
    ['is absolute', '/strongroom-hostile-absolute'],
    ['is the parent', '..'],
    ['is the folder itself', '.'],
    ['holds NUL', 'before\0after'],
    ['is no UTF-8', Buffer.from([0x61, 0xff, 0x62])],
    ['is empty', ''],
    ['is a path', 'a/b'],
  ])('%s puts nothing outside the target', async (_what, name) => {
    const node = randomBytes(16)
    await insider.append(body(folder(await rootId(), name, node), folder(node, 'inside')))
    await using ground = await playground()
    const result = await download(ground.target)
    await expectNothingOutside(ground)
    await expect(lstat('/strongroom-hostile-absolute')).rejects.toThrow('ENOENT')
    expectClear(result)
  })

  it('is seen by the sink alone when the log no longer checks names: exit code 5', async () => {
    await using ground = await playground()
    const result = await download(ground.target, noSinkCheck.bin)
    await expectNothingOutside(ground)
    expect(result.code).toBe(5)
  })

  it('climbs out of the target once both checks are taken out', async () => {
    await using ground = await playground()
    await download(ground.target, noCheck.bin)
    expect(await readdir(ground.path)).toContain('x')
  })
})

describe('a tree whose path goes through a symbolic link', () => {
  it('to outside is not followed when the link is a node of the vault', async () => {
    await using ground = await playground()
    const node = randomBytes(16)
    await insider.append(body(link(await rootId(), 'way-out', ground.outside, node), folder(node, 'pwned')))
    const result = await download(ground.target)
    await expectNothingOutside(ground)
    expectClear(result)
  })

  it('to outside is not followed when the link lies in the target already', async () => {
    await using ground = await playground()
    await insider.append(body(folder(await rootId(), 'photos', NODE), folder(NODE, 'pwned')))
    await symlink(ground.outside, join(ground.target, 'photos'))
    const result = await download(ground.target)
    await expectNothingOutside(ground)
    expect(result.code).not.toBe(0)
    expect(result.stderr).toMatch(/symbolic link/)
  })

  it('to outside is not followed when the link stands where the downloaded folder itself goes', async () => {
    await using ground = await playground()
    await symlink(ground.outside, join(ground.target, 'photos'))
    const result = await download(ground.target, undefined, '/photos')
    await expectNothingOutside(ground)
    expect(result.code).not.toBe(0)
    expect(result.stderr).toMatch(/symbolic link/)
  })

  it('to outside is not followed when a link stands where a downloaded file goes', async () => {
    await using ground = await playground()
    await writeFile(join(ground.path, 'victim'), 'untouched')
    await symlink(join(ground.path, 'victim'), join(ground.target, 'good.txt'))
    await download(ground.target, undefined, '/good.txt')
    expect(await readFile(join(ground.path, 'victim'), 'utf8')).toBe('untouched')
  })

  it('to outside is not followed when a folder and a link have one name', async () => {
    await using ground = await playground()
    const node = randomBytes(16)
    await insider.append(
      body(link(await rootId(), 'twin', ground.outside), folder(await rootId(), 'twin', node), folder(node, 'pwned')),
    )
    expectClear(await download(ground.target))
    await expectNothingOutside(ground)
  })
})

const NODE = randomBytes(16)

/** The honest file came, and one line says that something was left out. */
function expectClear(result: CliResult): void {
  expect({ code: result.code, stderr: result.stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(
      /^(Got .+\n)?strongroom: \d+ changes? in the log of your files broke the rules .+\.\n$/,
    ),
  })
}
