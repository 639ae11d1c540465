import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import { CliDevice, type CliResult } from '../../../dev-env/cli.ts'
import { copyOfHome, expectOneLine, run } from '../harness/cli.ts'
import { type Lie, type LyingProxy, startProxy } from '../harness/proxy.ts'
import { dataFolder, type ServerProcess, startServer } from '../harness/server.ts'

/** No command may need more requests, or more time, than this to give up. */
const MOST_REQUESTS = 40
const MOST_MS = 45_000

/** A server behind a lying proxy, an account with files, a stranger with files of his own, and a foreign host. */
export interface World extends AsyncDisposable {
  readonly server: ServerProcess
  readonly proxy: LyingProxy
  readonly alice: CliDevice
  readonly bob: CliDevice
  readonly trap: Trap
}

/** A foreign host that must never be asked anything. */
export interface Trap {
  readonly origin: string
  readonly requests: string[]
}

export async function buildWorld(): Promise<World> {
  const data = await dataFolder()
  const server = await startServer({ dataFolder: data.path })
  const proxy = await startProxy(server.url)
  const alice = await CliDevice.create(proxy.url, 'the passphrase of alice 77')
  const bob = await CliDevice.create(proxy.url, 'the passphrase of bob 88')
  const { server: trapServer, trap } = await startTrap()
  await Promise.all([alice.register('alice'), bob.register('bob')])
  for (const person of [alice, bob]) {
    await person.ok(['mkdir', '/folder'])
    await person.ok(['put', '-', '/small.txt'], { input: `what belongs to ${person === alice ? 'alice' : 'bob'}` })
    await person.ok(['put', '-', '/folder/second.txt'], { input: `more that belongs to ${person.home}` })
  }
  return {
    server,
    proxy,
    alice,
    bob,
    trap,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await server.stop()
      trapServer.closeAllConnections()
      await new Promise((resolve) => trapServer.close(resolve))
      await alice[Symbol.asyncDispose]()
      await bob[Symbol.asyncDispose]()
      await data.remove()
    },
  }
}

async function startTrap(): Promise<{ server: Server; trap: Trap }> {
  const requests: string[] = []
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`)
    outgoing.writeHead(200, { etag: '"trapped"' }).end('trapped')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { server, trap: { origin: `http://127.0.0.1:${port}`, requests } }
}

export interface LieCase {
  readonly name: string
  readonly command: readonly string[]
  readonly lie: (world: World) => Lie | Promise<Lie>
  /** 5 unless told: 4 where a login fails, 7 where the lie can only deny service, 1 where it claims to be newer. */
  readonly exitCode?: number
  /** Whether the device has forgotten its cache and must read the whole log. */
  readonly cold?: boolean
  /** A device that has never been here. */
  readonly newDevice?: boolean
  readonly input?: string
}

/** Runs one command of alice's while the proxy lies, and holds the outcome to what the case says. */
export async function expectLieFails(world: World, lieCase: LieCase): Promise<CliResult> {
  const { proxy, alice } = world
  const everything = ['profile.json', 'pins.json', 'vault.cache']
  const forget = lieCase.newDevice ? everything : lieCase.cold ? ['vault.cache'] : []
  const lie = await lieCase.lie(world)
  await using copy = await copyOfHome(alice, { forget })
  proxy.forget()
  proxy.tell(lie)
  const startedMs = Date.now()
  try {
    const result = await run(lieCase.command, {
      home: copy.home,
      server: proxy.url,
      password: alice.password,
      timeoutMs: MOST_MS + 10_000,
    })
    expectOneLine(result, lieCase.exitCode ?? 5)
    expect(result.stdout.toString(), 'nothing is shown').toBe('')
    expect(proxy.exchanges.length, 'the lie was told').toBeGreaterThan(0)
    expect(proxy.exchanges.length, 'no retry loop').toBeLessThanOrEqual(MOST_REQUESTS)
    expect(Date.now() - startedMs, 'no endless wait').toBeLessThan(MOST_MS)
    expect(world.trap.requests, 'nobody else is asked').toEqual([])
    return result
  } finally {
    proxy.tell(null)
  }
}
