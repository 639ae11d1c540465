import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOf, isPart, listed, MIB, openWorld, partBytes, ROUTE, type World } from './harness/world.ts'

const SIZE = 20 * MIB
const PART = 8 * MIB

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

async function killedAt(matches: typeof isPart, nth: number, parameters: string[]): Promise<void> {
  const run = world.runUntilKilled(parameters)
  world.proxy.plan({ matches, nth, at: 'answered', act: run.kill })
  await run.ended
  world.proxy.plan(null)
  world.proxy.forget()
}

async function expectStored(name: string, path: string, versions = 1): Promise<void> {
  const to = join(world.folder, 'stored')
  await world.device.ok(['get', `/${name}`, to])
  expect(await hashOf(to)).toBe(await hashOf(path))
  expect(JSON.parse((await world.device.ok(['versions', '--json', `/${name}`])).stdout.toString())).toHaveLength(
    versions,
  )
  await rm(to)
}

/** Files of the parts of the one upload that is under way. */
async function partFiles(): Promise<string[]> {
  const uploads = join(world.server.dataDir, 'blobs/uploads')
  const files: string[] = []
  for (const upload of await readdir(uploads)) {
    for (const name of await readdir(join(uploads, upload))) files.push(join(uploads, upload, name))
  }
  return files.sort()
}

describe('a store that lost something before complete', () => {
  it('gets that part again, and no other', async () => {
    const path = await world.file('one-part', 11, SIZE)
    world.proxy.forget()
    const lose = async () => {
      const second = (await partFiles()).find((file) => /\/1-[0-9a-f]+$/.test(file)) ?? ''
      await rm(second)
    }
    world.proxy.plan({ matches: ROUTE.complete, nth: 1, at: 'seen', act: lose })
    await world.device.ok(['put', path, '/'])
    expect(partBytes(world.proxy)).toBeGreaterThan(SIZE + PART - 1)
    expect(partBytes(world.proxy)).toBeLessThan(SIZE + PART + MIB)
    await expectStored('one-part', path)
  })

  it('gets all of it again under a new blob where the upload is gone', async () => {
    const path = await world.file('whole-upload', 12, SIZE)
    const lose = async () => {
      for (const file of await partFiles()) await rm(join(file, '..'), { recursive: true, force: true })
    }
    world.proxy.plan({ matches: ROUTE.complete, nth: 1, at: 'seen', act: lose })
    await world.device.ok(['put', path, '/'])
    await expectStored('whole-upload', path)
  })
})

describe('a put whose process died after its commit', () => {
  it('is done when it is run again: nothing is sent, and there is one version', async () => {
    const path = await world.file('committed', 13, SIZE)
    await killedAt(ROUTE.commit, 1, ['put', path, '/'])
    await world.device.ok(['put', path, '/'])
    expect(partBytes(world.proxy)).toBe(0)
    await expectStored('committed', path)
  })

  it('beside a file of that name is done, too: there is no third', async () => {
    const path = await world.file('beside', 20, SIZE)
    await world.device.ok(['put', path, '/'])
    await world.file('beside', 21, SIZE)
    await killedAt(ROUTE.commit, 1, ['put', '--conflict', 'keep-both', path, '/'])
    await world.device.ok(['put', '--conflict', 'keep-both', path, '/'])
    expect(partBytes(world.proxy)).toBe(0)
    const names = [...(await listed(world)).keys()].filter((name) => name.startsWith('beside'))
    expect(names.sort()).toEqual(['beside', 'beside (2)'])
    await expectStored('beside (2)', path)
  })

  it('makes a version of the same content where the time changed, and sends nothing', async () => {
    const path = await world.file('touched', 14, SIZE)
    await killedAt(ROUTE.commit, 1, ['put', path, '/'])
    await utimes(path, 1_000_000_000, 1_000_000_000)
    await world.device.ok(['put', path, '/'])
    expect(partBytes(world.proxy)).toBe(0)
    await expectStored('touched', path, 2)
  })

  it('puts what is in the file by then', async () => {
    const path = await world.file('edited', 15, SIZE)
    await killedAt(ROUTE.commit, 1, ['put', path, '/'])
    await world.file('edited', 16, SIZE)
    await world.device.ok(['put', path, '/'])
    await expectStored('edited', path, 2)
  })
})

describe('a journal', () => {
  it('that was damaged is left out', async () => {
    const path = await world.file('damaged', 17, SIZE)
    await killedAt(isPart, 2, ['put', path, '/'])
    const folder = join(world.device.home, 'transfers')
    for (const name of (await readdir(folder)).filter((found) => /^[0-9a-f]{32}$/.test(found))) {
      const bytes = await readFile(join(folder, name))
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      await writeFile(join(folder, name), bytes)
    }
    await world.device.ok(['put', path, '/'])
    await expectStored('damaged', path)
  })

  it('is used by one process at a time', async () => {
    const path = await world.file('twice', 18, SIZE)
    await Promise.all([world.device.ok(['put', path, '/']), world.device.ok(['put', path, '/'])])
    const names = JSON.parse((await world.device.ok(['ls', '--json', '/'])).stdout.toString()) as { name: string }[]
    expect(names.some(({ name }) => name === 'twice')).toBe(true)
    const to = join(world.folder, 'stored')
    await world.device.ok(['get', '/twice', to])
    expect(await hashOf(to)).toBe(await hashOf(path))
  })

  it('holds no name and no content', async () => {
    const path = await world.file('name-of-the-file', 19, SIZE)
    await killedAt(isPart, 2, ['put', path, '/'])
    const folder = join(world.device.home, 'transfers')
    for (const name of (await readdir(folder)).filter((found) => /^[0-9a-f]{32}$/.test(found))) {
      const bytes = await readFile(join(folder, name))
      expect(bytes.includes('name-of-the-file')).toBe(false)
    }
    await world.device.ok(['logout'])
    expect((await readdir(folder)).filter((found) => /^[0-9a-f]{32}$/.test(found))).toEqual([])
    await world.device.login('resilience@example.org')
    await world.device.ok(['put', path, '/'])
    await expectStored('name-of-the-file', path)
  })
})
