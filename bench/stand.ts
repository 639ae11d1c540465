import { rm } from 'node:fs/promises'
import { CliDevice } from '../tests/dev-env/cli.ts'
import { disposables, temporaryFolder } from '../tests/e2e/src/journeys/files.ts'
import { ServerProcess } from '../tests/e2e/src/journeys/server-process.ts'

/** A server with one signed-in device and a folder for files. */
export interface Stand extends AsyncDisposable {
  readonly folder: string
  readonly server: ServerProcess
  readonly device: CliDevice
  /** Removes below `folder`, so that a run does not find what the last one left. */
  clear(name: string): Promise<void>
}

/** @param env - settings of the server */
export async function openStand(env: Record<string, string> = {}): Promise<Stand> {
  const kept = disposables()
  try {
    const { path } = kept.use(await temporaryFolder())
    const server = kept.use(await ServerProcess.start({ env }))
    const device = kept.use(await CliDevice.create(server.url))
    await device.register('bench@example.org')
    return {
      folder: path,
      server,
      device,
      clear: (name) => rm(`${path}/${name}`, { recursive: true, force: true }),
      [Symbol.asyncDispose]: () => kept.dispose(),
    }
  } catch (error) {
    await kept.dispose()
    throw error
  }
}
