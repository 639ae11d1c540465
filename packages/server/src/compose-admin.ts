import { access, readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { type AdminListener, callSocket, connectSocket } from './admin/connect.ts'
import { AdminError, toAdminError } from './admin/errors.ts'
import type { AdminDeps } from './admin/operation.ts'
import { ADMIN_OPERATIONS } from './admin/operations.ts'
import { runOperation } from './admin/run.ts'
import { adminSocketOf } from './admin/socket-path.ts'
import { openDatabase } from './compose-database.ts'
import { type Basics, basics, opened, openServices, type Services } from './compose-services.ts'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { requireSchema } from './database/migrate.ts'
import type { Database } from './database/tables.ts'
import { refusalOf } from './domain/dependency-errors.ts'

/** The way to the operations of a server's data. */
export interface Admin {
  /**
   * Calls one of them. What it returns has the form that the operation declares.
   * @throws AdminError
   */
  call(operation: string, input: unknown, listener?: AdminListener): Promise<unknown>
  close(): Promise<void>
}

/** What operations work on, from what a server has opened. */
export function adminDeps(config: Config, opening: Basics & { database: Database }, services: Services): AdminDeps {
  const keyFile = config.kms.kind === 'file' ? config.kms.file : ''
  return {
    ...opening,
    store: services.store,
    keys: services.keys,
    setup: services.setup,
    outerKeys: services.outer,
    retention: config.retention,
    quotaBytes: config.quotaBytes,
    registration: config.registration,
    async openBackupFolder(folder) {
      const { openBackupFolder } = await import('./adapters/backup/folder.ts')
      return openBackupFolder(folder)
    },
    readKeyFile: config.kms.kind === 'file' ? () => readFile(keyFile) : null,
  }
}

/**
 * Opens the way that the server's own settings point to: with DATABASE_URL the database, blobs and key service
 * themselves, else the socket of the server that runs on the data folder.
 *
 * @throws ConfigError, AdminError `unavailable` when no server runs there, and errors of adapters
 */
export async function openAdmin(env: Readonly<Record<string, string | undefined>>): Promise<Admin> {
  const config = loadConfig(env)
  return config.databaseUrl === null ? throughSocket(config) : direct(config)
}

async function throughSocket(config: Config): Promise<Admin> {
  const socket = adminSocketOf(config.dataDir)
  const open = async (): Promise<Socket> =>
    connectSocket(socket).catch((cause: unknown) => {
      throw noServer(config.dataDir, cause)
    })
  // Tried at once, so that nobody is asked anything before it is known that a server is there.
  let first: Socket | null = await open()
  return {
    async call(operation, input, listener = {}) {
      const connection = first ?? (await open())
      first = null
      return callSocket(connection, { operation, input }, listener)
    },
    close: async () => {
      first?.destroy()
    },
  }
}

function noServer(dataDir: string, cause: unknown): AdminError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EACCES' || code === 'EPERM') {
    const line = `The server on the data folder ${dataDir} belongs to another user; run this as that user.`
    return new AdminError('unavailable', line, { cause })
  }
  return new AdminError(
    'unavailable',
    `No server runs on the data folder ${dataDir}; start it, name its folder by STRONGROOM_DATA, or set DATABASE_URL as it has it.`,
    { cause },
  )
}

async function direct(config: Config): Promise<Admin> {
  // Reason: what is absent would be made by opening it, and look like a server that forgot everybody.
  if (config.blobs.kind === 'file') await requireThere('BLOB_URL', config.blobs.folder)
  if (config.kms.kind === 'file') await requireThere('KMS_URL', config.kms.file)
  const resources = opened()
  try {
    const foundation = basics({ logLevel: 'silent' })
    const { database } = await openDatabase(config, resources, foundation.logger)
    await requireSchema(database)
    const opening = { ...foundation, database }
    const deps = adminDeps(config, opening, await openServices(config, resources, opening))
    return {
      async call(operation, input, listener = {}) {
        const signal = listener.signal ?? new AbortController().signal
        try {
          return await runOperation(
            ADMIN_OPERATIONS,
            deps,
            { operation, input },
            {
              signal,
              progress: async (value) => listener.onProgress?.(value),
              item: async (value) => listener.onItem?.(value),
            },
          )
        } catch (error) {
          throw toAdminError(error, signal)
        }
      },
      close: () => resources.closeAll(),
    }
  } catch (error) {
    await resources.closeAll()
    if (refusalOf(error)?.code !== 'unavailable') throw error
    const line =
      'The database of DATABASE_URL, or the key service, cannot be reached; see that both run, then try again.'
    throw new AdminError('unavailable', line, { cause: error })
  }
}

async function requireThere(name: string, path: string): Promise<void> {
  await access(path).catch(() => {
    throw new ConfigError(`${name}: ${path} is not there; set it, or STRONGROOM_DATA, as the server has it`)
  })
}
