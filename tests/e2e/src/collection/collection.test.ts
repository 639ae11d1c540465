import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { COMMIT, createWorld, PARTS, type World } from './world.ts'

const MIB = 1024 * 1024

let world: World
let folder: string
beforeAll(async () => {
  world = await createWorld()
  folder = await mkdtemp(join(tmpdir(), 'strongroom-collection-'))
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  world.onTheWay = async () => undefined
  world.asked.length = 0
})

const ok = (...parameters: string[]) => world.device.ok(['--quiet', ...parameters], { cwd: folder })
const commits = () => world.asked.filter((asked) => COMMIT.test(asked)).length

async function localFile(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  await writeFile(join(folder, name), bytes)
  return bytes
}

async function expectRemote(path: string, bytes: Uint8Array): Promise<void> {
  const back = (await ok('cat', path)).stdout
  expect(Buffer.compare(back, bytes)).toBe(0)
}

async function objectCount(): Promise<number> {
  let count = 0
  for await (const _ of world.server.store.list()) count += 1
  return count
}

/** The first `times` commits come so late that the collector has deleted what they name. */
function late(times: number): void {
  let left = times
  world.onTheWay = async (asked) => {
    if (!COMMIT.test(asked) || left === 0) return undefined
    left -= 1
    await world.pass(15)
    return undefined
  }
}

describe('content that was deleted before its commit', () => {
  it('is uploaded again, and the file is there', async () => {
    for (const [name, size] of [
      ['small', 1000],
      ['large', 2 * MIB],
    ] as const) {
      const bytes = await localFile(name, randomBytes(size))
      world.asked.length = 0
      late(1)
      await ok('put', name, `/${name}`)
      expect(commits()).toBe(2)
      await world.pass(20)
      await expectRemote(`/${name}`, bytes)
    }
  })

  it('of a whole tree is uploaded again', async () => {
    await mkdir(join(folder, 'tree/below'), { recursive: true })
    const files = new Map<string, Uint8Array>()
    for (const [index, name] of ['tree/a', 'tree/b', 'tree/below/c', 'tree/below/d'].entries()) {
      files.set(name, await localFile(name, randomBytes(index === 2 ? MIB : 100 + index)))
    }
    late(1)
    await ok('put', '-r', 'tree', '/')
    expect(commits()).toBe(2)
    await world.pass(20)
    for (const [name, bytes] of files) await expectRemote(`/${name}`, bytes)
  })

  it('is not uploaded again and again', async () => {
    await localFile('hopeless', randomBytes(1000))
    late(100)
    const result = await world.device.run(['put', 'hopeless', '/hopeless'], { cwd: folder })
    expect(result.code).toBe(6)
    expect(result.stderr).toMatch(/^strongroom: [^\n]*deleted content[^\n]*again\.\n$/)
    expect(commits()).toBe(2)
    late(100)
    await mkdir(join(folder, 'hopeless-tree'), { recursive: true })
    await localFile('hopeless-tree/file', randomBytes(10))
    world.asked.length = 0
    expect((await world.device.run(['put', '-r', 'hopeless-tree', '/'], { cwd: folder })).code).not.toBe(0)
    expect(commits()).toBe(2)
    world.onTheWay = async () => undefined
    await ok('put', 'hopeless', '/hopeless')
  })

  it('of a short stream is uploaded again', async () => {
    late(1)
    await world.device.ok(['put', '-', '/short'], { input: 'once only' })
    expect(commits()).toBe(2)
    await world.pass(20)
    await expectRemote('/short', new TextEncoder().encode('once only'))
  })

  it('of a long stream, which cannot be read again, ends with a line that says so', async () => {
    late(1)
    const result = await world.device.run(['put', '-', '/stream'], { input: randomBytes(5 * MIB) })
    expect(result.code).toBe(6)
    expect(result.stderr).toMatch(/^strongroom: [^\n]*deleted content of a stream[^\n]*again\.\n$/)
    expect((await world.device.run(['cat', '/stream'])).code).toBe(3)
  })

  it('ends a copy with a line that says to try again', async () => {
    await localFile('original', randomBytes(50))
    await ok('put', 'original', '/original')
    world.asked.length = 0
    world.onTheWay = async (asked) => {
      if (!COMMIT.test(asked)) return undefined
      return {
        status: 409,
        body: { code: 'blob_gone', message: '', requestId: '1', details: { count: 1, blobIds: '' } },
      }
    }
    const result = await world.device.run(['cp', '/original', '/copy'])
    expect(result.code).toBe(6)
    expect(result.stderr).toMatch(/^strongroom: [^\n]*deleted content of what was to be copied[^\n]*again\.\n$/)
    expect(commits()).toBe(1)
  })
})

describe('the collector', () => {
  it('keeps content that is referred to from two places when one of them is purged', async () => {
    const before = await objectCount()
    const bytes = await localFile('twice', randomBytes(3000))
    await ok('put', 'twice', '/twice')
    await ok('cp', '/twice', '/again')
    await ok('rm', '--permanent', '/twice')
    await world.pass(20)
    await expectRemote('/again', bytes)
    expect(await objectCount()).toBe(before + 1)
    await ok('rm', '--permanent', '/again')
    await world.pass(6)
    expect(await objectCount()).toBe(before + 1)
    await world.pass(2)
    expect(await objectCount()).toBe(before)
  })

  it('spares an upload of four days with pauses', async () => {
    const bytes = await localFile('slow', randomBytes(34 * MIB))
    let parts = 0
    world.onTheWay = async (asked) => {
      if (asked !== PARTS) return undefined
      parts += 1
      if (parts > 1) await world.pass(1)
      return undefined
    }
    await ok('put', '--jobs', '1', 'slow', '/slow')
    expect(parts).toBe(5)
    await world.pass(20)
    await ok('get', '/slow', 'slow-again')
    expect(Buffer.compare(await readFile(join(folder, 'slow-again')), bytes)).toBe(0)
  })
})
