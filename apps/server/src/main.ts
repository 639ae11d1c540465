import {
  type Admin,
  AdminError,
  type Config,
  ConfigError,
  checkBackupIn,
  examine,
  listBackupsIn,
  loadConfig,
  openAdmin as openServerAdmin,
  type RestoreInput,
  type RestoreResult,
  type RunningServer,
  restoreBackup as restoreServerBackup,
  startServer,
} from '@strongroom/server'
import { explain, StartError } from './explain.ts'
import { greeting } from './greeting.ts'
import { findWebApp } from './web-folder.ts'

export { StartError } from './explain.ts'
export { checkBackupIn, examine, listBackupsIn }

/** A signal this soon after the first is the same Ctrl-C: a terminal tells npm and the server, and npm tells it again. */
const SAME_SIGNAL_MS = 1_000
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

export interface StartedServer extends RunningServer {
  readonly dataDir: string
}

/**
 * Starts a server with settings from `env`, in this process.
 *
 * @throws ConfigError for a setting that cannot be used, StartError for all else; each message is one line
 */
export async function start(env: Readonly<Record<string, string | undefined>>): Promise<StartedServer> {
  const config = loadConfig(env)
  const server = await startExplained(config)
  return { ...server, dataDir: config.dataDir }
}

async function startExplained(config: Config): Promise<RunningServer> {
  try {
    return await startServer(config, { webFolder: findWebApp() })
  } catch (error) {
    throw error instanceof ConfigError ? error : explain(error, config)
  }
}

/**
 * Opens the way to what operators do, on the server or the data that `env` names.
 *
 * @throws AdminError, ConfigError, StartError: one line for the terminal
 */
export async function openAdmin(env: Readonly<Record<string, string | undefined>>): Promise<Admin> {
  try {
    return await openServerAdmin(env)
  } catch (error) {
    if (error instanceof AdminError || error instanceof ConfigError) throw error
    throw explain(error, loadConfig(env))
  }
}

/**
 * Restores a backup into the empty data folder, or database and blob store, that `env` names.
 *
 * @throws AdminError, ConfigError, StartError: one line for the terminal
 */
export async function restoreBackup(
  env: Readonly<Record<string, string | undefined>>,
  input: RestoreInput,
): Promise<RestoreResult> {
  try {
    return await restoreServerBackup(env, input)
  } catch (error) {
    if (error instanceof AdminError || error instanceof ConfigError || input.signal.aborted) throw error
    throw explain(error, loadConfig(env))
  }
}

/** Resolves at the first signal to stop; a second one, later, ends the process at once. */
function stopSignal(): { readonly received: Promise<void>; dispose(): void } {
  let firstMs: number | null = null
  let resolve = (): void => undefined
  const received = new Promise<void>((settle) => {
    resolve = settle
  })
  const onSignal = (signal: keyof typeof SIGNALS): void => {
    if (firstMs === null) {
      firstMs = Date.now()
      resolve()
    } else if (Date.now() - firstMs > SAME_SIGNAL_MS) {
      // Reason: acknowledged data is durable without a tidy end, and the embedded database ends through its guard.
      process.exit(SIGNALS[signal])
    }
  }
  for (const signal of Object.keys(SIGNALS)) process.on(signal, onSignal)
  return {
    received,
    dispose: () => {
      for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal)
    },
  }
}

/**
 * Runs a server with this process's environment until SIGINT or SIGTERM, then lets running requests end and resolves.
 *
 * @throws ConfigError, StartError: one line for the terminal
 */
export async function main(): Promise<void> {
  const signal = stopSignal()
  try {
    const config = loadConfig(process.env)
    const server = await startExplained(config)
    process.stdout.write(greeting(server.url, config))
    const failure = await Promise.race([signal.received, server.failed])
    if (typeof failure !== 'string') process.stdout.write('Stopping; press Ctrl-C again to stop at once.\n')
    await server.close()
    if (typeof failure === 'string') throw new StartError(`The server stopped: ${failure}.`)
  } finally {
    signal.dispose()
  }
}
