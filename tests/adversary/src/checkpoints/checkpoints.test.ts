import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { checkpointNow } from '../../../dev-env/device-log.ts'
import { copyOfHome, expectOneLine, run } from '../harness/cli.ts'
import { readTree } from '../harness/files.ts'
import { keyBytes, openInsider } from '../harness/insider.ts'
import { keepMutants } from '../harness/mutants.ts'
import { findNeedles, textCanary } from '../harness/needles.ts'
import { type Answer, bytesOf, type Lie, type LyingProxy, startProxy } from '../harness/proxy.ts'
import { dataFolder, type ServerProcess, startServer } from '../harness/server.ts'
import { isRoute, STORE } from '../liar/lies.ts'
import { CHECKPOINT, CHECKPOINT_ATTACKS, changedManifest, type Looker } from './attacks.ts'

const mutants = keepMutants()
let data: Awaited<ReturnType<typeof dataFolder>>
let server: ServerProcess
let proxy: LyingProxy
let alice: CliDevice
let bob: CliDevice
/** Alice's device as it was before any checkpoint: with pins and, unless forgotten, a local index. */
let earlier: Awaited<ReturnType<typeof copyOfHome>>
/** The server's answers: alice's first checkpoint, and bob's. */
let first: Answer
let bobs: Answer
let listing: string

async function make(device: CliDevice, names: readonly string[]): Promise<void> {
  for (const name of names) await device.ok(['mkdir', name])
}

/** The server's answer to a device that asks for the checkpoint. */
async function checkpointOf(device: CliDevice): Promise<Answer> {
  await using copy = await copyOfHome(device, { forget: ['vault.cache'] })
  proxy.forget()
  const result = await run(['ls', '/'], { home: copy.home, server: proxy.url, password: device.password })
  expect(result.code, result.stderr).toBe(0)
  const answer = proxy.exchanges.find(({ request }) => isRoute(request, 'GET', CHECKPOINT))?.answer
  if (answer == null) throw new Error('no checkpoint was asked for')
  return answer
}

beforeAll(async () => {
  data = await dataFolder()
  server = await startServer({ dataFolder: data.path })
  proxy = await startProxy(server.url)
  alice = await CliDevice.create(proxy.url, 'the passphrase of alice 91')
  bob = await CliDevice.create(proxy.url, 'the passphrase of bob 92')
  await alice.register('alice')
  await bob.register('bob')
  await make(alice, ['/one', '/two'])
  earlier = await copyOfHome(alice)
  await make(alice, ['/three', '/four', '/five'])
  // Enough names that a delta is less than half of the base.
  const deep = Array.from({ length: 40 }, (_, index) => `a folder in a folder ${index}`)
  await alice.ok(['mkdir', '-p', `/${deep.join('/')}`])
  await checkpointNow(alice.home)
  first = await checkpointOf(alice)
  await make(alice, ['/six'])
  await checkpointNow(alice.home)
  await make(alice, ['/seven'])
  listing = (await alice.ok(['ls', '/'])).stdout.toString()
  await make(bob, ['/of bob 1', '/of bob 2'])
  await checkpointNow(bob.home)
  bobs = await checkpointOf(bob)
})

afterAll(async () => {
  await mutants[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
  await server?.stop()
  await earlier?.[Symbol.asyncDispose]()
  await alice?.[Symbol.asyncDispose]()
  await bob?.[Symbol.asyncDispose]()
  await data?.remove()
})

function homeOf(looker: Looker): ReturnType<typeof copyOfHome> {
  const source =
    looker === 'new' || looker === 'cold' ? alice : Object.assign(Object.create(alice), { home: earlier.home })
  const forget = { new: ['vault.cache', 'pins.json'], cold: ['vault.cache'], pinned: ['vault.cache'], behind: [] }
  return copyOfHome(source, { forget: forget[looker] })
}

async function look(looker: Looker, lie: Lie | null, bin?: string) {
  await using copy = await homeOf(looker)
  proxy.forget()
  proxy.tell(lie)
  try {
    const options = { home: copy.home, server: proxy.url, password: alice.password }
    return await run(['ls', '/'], bin === undefined ? options : { ...options, bin })
  } finally {
    proxy.tell(null)
  }
}

describe.each(CHECKPOINT_ATTACKS)('when $name', ({ looker, lie, without }) => {
  it('the command stops with exit code 5 and one line', async () => {
    const result = await look(looker, lie({ first, bobs }))
    expectOneLine(result, 5)
    expect(result.stdout.toString()).toBe('')
    expect(proxy.exchanges.length, 'no retry loop').toBeLessThan(30)
  })

  it(`nothing is noticed without: ${without.join(', ')}`, async () => {
    const { bin } = await mutants.without(without)
    const result = await look(looker, lie({ first, bobs }), bin)
    expect(result.code, result.stderr).toBe(0)
  })
})

describe('the untouched server', () => {
  it.each(['new', 'cold', 'pinned', 'behind'] as const)(
    'shows a device that is %s the newest state',
    async (looker) => {
      const result = await look(looker, null)
      expect([result.code, result.stderr]).toEqual([0, ''])
      expect(result.stdout.toString()).toBe(listing)
      const asked = (path: RegExp) => proxy.exchanges.filter(({ request }) => isRoute(request, 'GET', path)).length
      expect(asked(CHECKPOINT)).toBe(1)
      expect(asked(STORE) > 0, 'the checkpoint was read').toBe(looker !== 'behind')
    },
  )

  it('is not believed without the check of the hash either, because the seal stops a changed manifest', async () => {
    const { bin } = await mutants.without(['hash of a checkpoint'])
    expectOneLine(await look('new', changedManifest(), bin), 5)
  })
})

describe('what a checkpoint shows', () => {
  it('holds no name and no key, on the wire, in the store and in the local index', async () => {
    await using dave = await CliDevice.create(proxy.url, 'the passphrase of dave 94')
    await dave.register('dave')
    await make(dave, ['/a folder that nobody sees'])
    proxy.forget()
    await checkpointNow(dave.home)
    await using fresh = await copyOfHome(dave, { forget: ['vault.cache', 'vault.cache-log', 'pins.json'] })
    const options = { home: fresh.home, server: proxy.url, password: dave.password }
    const result = await run(['ls', '/'], options)
    expect(result.stdout.toString()).toContain('a folder that nobody sees')
    const wire = proxy.exchanges.map((exchange) => ({ name: exchange.request.path, bytes: bytesOf(exchange) }))
    expect(
      wire.some(({ name }) => name.startsWith('/v1/store/')),
      'its base was read',
    ).toBe(true)
    const local = (await readTree(fresh.home)).filter(({ name }) => name.includes('vault.cache'))
    expect(local.length).toBeGreaterThan(0)
    const stored = await readTree(join(server.dataFolder, 'blobs/objects'))
    const keys = await keyBytes(await openInsider(dave.home, proxy.url))
    const canaries = [textCanary('name', 'a folder that nobody sees'), ...keys]
    expect(findNeedles(canaries, [...wire, ...local, ...stored])).toEqual([])
  })
})

describe('a checkpoint that an owner of the vault has forged', () => {
  it('with a hash of no state stops new devices, and devices that hold the state', async () => {
    await using carol = await CliDevice.create(proxy.url, 'the passphrase of carol 93')
    await carol.register('carol')
    await make(carol, ['/one'])
    await using behind = await copyOfHome(carol)
    await make(carol, ['/two'])
    await checkpointNow(carol.home, (manifest) => ({
      ...manifest,
      stateHash: manifest.stateHash.map((byte) => byte ^ 1),
    }))
    await using fresh = await copyOfHome(carol, { forget: ['vault.cache', 'pins.json'] })
    for (const { home } of [fresh, behind]) {
      const result = await run(['ls', '/'], { home, server: proxy.url, password: carol.password })
      expectOneLine(result, 5)
      expect(result.stdout.toString()).toBe('')
    }
    const { bin } = await mutants.without(['hash of the state', 'state that the device computed'])
    for (const { home } of [fresh, behind]) {
      const options = { home, server: proxy.url, password: carol.password, bin }
      expect((await run(['ls', '/'], options)).code).toBe(0)
    }
  })
})
