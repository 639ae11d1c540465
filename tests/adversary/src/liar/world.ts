import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type Insider, openInsider } from '../harness/insider.ts'
import { type LyingProxy, startProxy } from '../harness/proxy.ts'
import { dataFolder, type ServerProcess, startServer } from '../harness/server.ts'

/** A server behind a lying proxy, an account with files, a stranger with files of his own, and a foreign host. */
export interface World extends AsyncDisposable {
  readonly server: ServerProcess
  readonly proxy: LyingProxy
  readonly alice: CliDevice
  readonly bob: CliDevice
  readonly trap: Trap
  /** Path of a file to upload; with `.d` behind it a folder of small ones. */
  readonly source: string
  /** Alice's keys: for attackers that somehow have one of them. */
  insider(): Promise<Insider>
}

/** A foreign host that must never be asked anything. */
export interface Trap {
  readonly origin: string
  readonly requests: string[]
}

/** What alice's files say, and what they are called: none of it may lie on a disk after a command was stopped. */
export const SECRETS = ['what belongs to alice', 'more that belongs to alice', 'in the trash of alice']

export async function buildWorld(): Promise<World> {
  const data = await dataFolder()
  const server = await startServer({ dataFolder: data.path })
  const proxy = await startProxy(server.url)
  const alice = await CliDevice.create(proxy.url, 'the passphrase of alice 77')
  const bob = await CliDevice.create(proxy.url, 'the passphrase of bob 88')
  const { server: trapServer, trap } = await startTrap()
  await Promise.all([furnish(alice, 'alice'), furnish(bob, 'bob')])
  const source = join(data.path, 'source')
  await writeFile(source, Buffer.alloc(600_000, 7))
  await mkdir(`${source}.d`)
  for (const name of ['one', 'two', 'three', 'four', 'five']) await writeFile(join(`${source}.d`, name), name)
  // What the verbs that change something work on.
  await alice.ok(['put', '-r', '--quiet', `${source}.d`, '/fodder'])
  return {
    source,
    insider: () => openInsider(alice.home, server.url),
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

/** Files, an older version of one, and one in the trash. */
async function furnish(person: CliDevice, name: string): Promise<void> {
  await person.register(name)
  await person.ok(['mkdir', '/folder'])
  await person.ok(['put', '-', '/small.txt'], { input: `what belongs to ${name}` })
  await person.ok(['put', '-', '/folder/second.txt'], { input: `more that belongs to ${name}` })
  await person.ok(['put', '-', '/thrown-away.txt'], { input: `in the trash of ${name}` })
  await person.ok(['rm', '/thrown-away.txt'])
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
