import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { openBackupFolder } from '../adapters/backup/folder.ts'
import type { AdminCall, AdminDeps, Json } from '../admin/operation.ts'
import { ADMIN_OPERATIONS } from '../admin/operations.ts'
import { runOperation } from '../admin/run.ts'
import { RETENTION } from './collection.ts'
import type { TestServer } from './test-server.ts'

/** What operations work on, of a test server. */
export function adminDepsOf(server: TestServer): AdminDeps {
  const { database, store, keys, clock, random, logger, setup, outer } = server
  return {
    database,
    store,
    keys,
    clock,
    random,
    logger,
    setup,
    outerKeys: outer,
    retention: RETENTION,
    quotaBytes: 2 ** 40,
    registration: 'invite',
    openBackupFolder: async (folder) => openBackupFolder(folder),
    readKeyFile: async () => readFile(path.join(server.folder, 'keys.json')),
  }
}

/** Calls an operation as `openAdmin` does, and collects what it says on its way. */
export async function administer(
  server: TestServer,
  operation: string,
  input: unknown,
  options: { signal?: AbortSignal; onItem?: () => void } = {},
): Promise<{ result: never; items: Json[]; progress: Json[] }> {
  const items: Json[] = []
  const progress: Json[] = []
  const call: AdminCall = {
    signal: options.signal ?? new AbortController().signal,
    progress: async (value) => void progress.push(value),
    item: async (value) => {
      items.push(value)
      options.onItem?.()
    },
  }
  const result = await runOperation(ADMIN_OPERATIONS, adminDepsOf(server), { operation, input }, call)
  // Each test knows what the operation that it calls returns.
  return { result: result as never, items, progress }
}
