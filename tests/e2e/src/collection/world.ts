import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { collect, DAY_MS } from '../../../../packages/server/src/testing/collection.ts'
import {
  createTestServer,
  type TestServer,
  type TestServerOptions,
} from '../../../../packages/server/src/testing/test-server.ts'
import { CliDevice } from '../../../dev-env/cli.ts'
import { setup } from '../../../dev-env/global-setup.ts'

/** Something that happens before a request is passed on; an answer ends it instead. */
export type OnTheWay = (asked: string) => Promise<{ status: number; body: object } | undefined>

/**
 * A real server whose clock the test moves, behind a gate that the test watches, and a device that knows the gate only.
 */
export interface World extends AsyncDisposable {
  readonly server: TestServer
  readonly device: CliDevice
  /** What was asked for since the last time that this was emptied: method and path. */
  readonly asked: string[]
  /** What happens to the requests from now on. */
  onTheWay: OnTheWay
  /** Lets time pass, with a collection in each day. */
  pass(days: number): Promise<void>
}

export const COMMIT = /^POST \/v1\/vaults\/[^/]+\/commits$/
export const PARTS = 'POST /v1/blobs/parts'

export async function createWorld(options: TestServerOptions = {}): Promise<World> {
  const stopDatabase = await setup()
  const server = await createTestServer(options)
  const target = await server.app.listen({ port: 0, host: '127.0.0.1' })
  const asked: string[] = []
  const gate = createServer((incoming, outgoing) => {
    const line = `${incoming.method} ${(incoming.url ?? '').split('?')[0]}`
    asked.push(line)
    world.onTheWay(line).then(
      (answer) => (answer === undefined ? forward(target, incoming, outgoing) : reply(incoming, outgoing, answer)),
      () => outgoing.destroy(),
    )
  })
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve))
  const address = gate.address()
  if (address === null || typeof address === 'string') throw new Error('the gate has no port')
  const device = await CliDevice.create(`http://127.0.0.1:${address.port}`)
  const world: World = {
    server,
    device,
    asked,
    onTheWay: async () => undefined,
    async pass(days) {
      for (let day = 0; day < days; day += 1) {
        server.clock.advance(DAY_MS)
        await collect(server)
      }
    },
    async [Symbol.asyncDispose]() {
      await device[Symbol.asyncDispose]()
      gate.closeAllConnections()
      await new Promise((resolve) => gate.close(resolve))
      await server.close()
      await stopDatabase()
    },
  }
  await device.register('tester@example.org')
  return world
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, headers } = incoming
  const upstream = request(`${target}${incoming.url ?? '/'}`, { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(outgoing)
    answer.once('error', () => outgoing.destroy())
  })
  upstream.once('error', () => outgoing.destroy())
  outgoing.once('close', () => upstream.destroy())
  incoming.pipe(upstream)
}

function reply(incoming: IncomingMessage, outgoing: ServerResponse, answer: { status: number; body: object }): void {
  incoming.resume().once('end', () => {
    outgoing.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
  })
}
