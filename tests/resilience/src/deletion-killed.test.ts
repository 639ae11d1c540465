import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../dev-env/cli.ts'
import { hold } from './harness/hold.ts'
import { ageLocks, openWorld, route, type World } from './harness/world.ts'

const DELETE = route('POST', /^\/v1\/account\/delete$/)
const RECEIPT = route('POST', /^\/v1\/receipts$/)

let world: World
beforeAll(async () => {
  world = await openWorld({ LOGIN_ATTEMPTS_PER_MINUTE: '100000' })
})
afterAll(() => world[Symbol.asyncDispose]())

/** What goes wrong during the deletion; `kill` ends the client. */
type Fault = (kill: () => void) => Promise<void>

const at =
  (moment: 'seen' | 'answered', act: (kill: () => void) => Promise<void> | void, matches = DELETE): Fault =>
  async (kill) => {
    world.proxy.plan({ matches, nth: 1, at: moment, act: () => act(kill) })
  }

const FAULTS: Record<string, { fault: Fault; gone: boolean }> = {
  'the server in the transaction': {
    gone: false,
    fault: async () => {
      const holding = await hold(world.server.dataDir, 'deletion')
      await holding.reached()
      await world.killServer()
      await holding.release()
    },
  },
  'the server before it was asked': { gone: false, fault: at('seen', () => world.killServer()) },
  'the server after it, and its answer': { gone: true, fault: at('answered', () => world.killServer()) },
  'the client after it, and the answer': { gone: true, fault: at('answered', (kill) => kill()) },
  'the client before it': { gone: false, fault: at('seen', (kill) => kill()) },
  'the answer': { gone: true, fault: at('answered', () => undefined) },
}

/** Those that make a difference; the others in long runs. */
const NAMES = Object.keys(FAULTS).filter((name) => process.env.STRONGROOM_SOAK === '1' || !name.includes('before'))

describe('a deletion', () => {
  it.each(NAMES)('that loses %s is whole or not made, and a repetition finds out', async (name) => {
    const found = FAULTS[name]
    if (found === undefined) throw new Error('no such fault')
    const login = `gone-${Object.keys(FAULTS).indexOf(name)}@example.org`
    await using device = await CliDevice.create(world.proxy.url)
    await device.register(login)
    await device.ok(['put', '-q', '-', '/kept'], { input: 'kept' })
    const receipt = join(world.folder, `${login}.json`)
    const command = ['account', 'delete', '--confirm', login, '--receipt', receipt]
    const first = await device.run(command, {
      onSpawn: (child) => void found.fault(() => child.kill('SIGKILL')),
    })
    world.proxy.plan(null)
    await world.serverIsUp()
    await ageLocks(device.home)
    if (first.code === 0) expect(found.gone).toBe(true)
    else if (found.gone) expect((await device.run(['cat', '/kept'])).code).toBe(4)
    else expect((await device.ok(['cat', '/kept'])).stdout.toString()).toBe('kept')
    if (first.code !== 0) await device.ok(command)
    expect(JSON.parse((await device.ok(['--json', 'verify-receipt', receipt])).stdout.toString()).blobs).toBe(1)
  })

  it('of which even the question after it is lost says that nobody knows, and the next run does', async () => {
    await using device = await CliDevice.create(world.proxy.url)
    await device.register('unknown@example.org')
    const receipt = join(world.folder, 'unknown.json')
    const command = ['-q', 'account', 'delete', '--confirm', 'unknown@example.org', '--receipt', receipt]
    const lost = (request: { method: string; path: string }) => DELETE(request) || RECEIPT(request)
    world.proxy.plan({ matches: lost, nth: 'every', at: 'answered' })
    const result = await device.run(command)
    world.proxy.plan(null)
    expect([result.code, result.stderr]).toEqual([
      7,
      expect.stringMatching(/not known whether the account was deleted/),
    ])
    await device.ok(command)
    await device.ok(['verify-receipt', receipt])
  })
})
