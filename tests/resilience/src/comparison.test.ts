import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../adversary/src/harness/cli.ts'
import { buildMutant, type Mutant } from '../../adversary/src/harness/mutant.ts'
import { hashOf, MIB, openWorld, ROUTE, type World } from './harness/world.ts'

const SIZE = 20 * MIB

let world: World
let mutant: Mutant
beforeAll(async () => {
  world = await openWorld()
  mutant = await buildMutant([
    {
      file: 'packages/client/src/upload/resume.ts',
      find: 'if (mac === null || !equalBytes(mac, part.mac)) throw new StaleJournal()',
      replace: 'if (mac === null) throw new StaleJournal()',
    },
    {
      file: 'packages/client/src/drive/deliver.ts',
      find: 'const isRight = async () => equalBytes(',
      replace: 'const isRight = async () => true || equalBytes(',
    },
  ])
})
afterAll(async () => {
  await mutant[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

async function killedAt(matches: (typeof ROUTE)['part'], nth: number, parameters: string[]): Promise<void> {
  const process = world.runUntilKilled(parameters)
  world.proxy.plan({ matches, nth, at: 'answered', act: process.kill })
  await process.ended
  world.proxy.plan(null)
}

/** Changes one byte and keeps size and time. */
async function changeByte(path: string, offset: number): Promise<void> {
  const { atime, mtime } = await stat(path)
  const bytes = await readFile(path)
  bytes[offset] = (bytes[offset] ?? 0) ^ 1
  await writeFile(path, bytes)
  await utimes(path, atime, mtime)
}

async function runMutant(parameters: string[]): Promise<void> {
  const { home, server, password } = world.device
  const { code, stderr } = await run(parameters, { home, server, password, bin: mutant.bin })
  expect({ code, stderr }).toMatchObject({ code: 0 })
}

// What the other tests of changed bytes show, they show because of these comparisons.
describe('a client that does not compare', () => {
  it('uploads a mixture of two states of a source', async () => {
    const path = await world.file('source', 31, SIZE)
    await killedAt(ROUTE.part, 2, ['put', '--jobs', '1', path, '/'])
    await changeByte(path, 100)
    await runMutant(['put', path, '/'])
    const to = join(world.folder, 'got')
    await world.device.ok(['get', '/source', to])
    expect(await hashOf(to)).not.toBe(await hashOf(path))
  })

  it('takes what someone wrote into the hidden file', async () => {
    const path = await world.file('whole', 32, SIZE)
    await world.device.ok(['put', path, '/'])
    const to = join(world.folder, 'got')
    await killedAt(ROUTE.object, 3, ['get', '--jobs', '1', '/whole', to])
    const name = (await readdir(world.folder)).find((found) => found.startsWith('.strongroom-')) ?? ''
    await changeByte(join(world.folder, name), 100)
    await runMutant(['get', '/whole', to])
    expect(await hashOf(to)).not.toBe(await hashOf(path))
  })
})
