import { type Collected, collectBlobs } from '../domain/blobs/collect.ts'
import { type Swept, sweepStore } from '../domain/blobs/sweep.ts'
import type { BlobStore } from '../ports/index.ts'
import type { TestServer } from './test-server.ts'

export const DAY_MS = 24 * 60 * 60 * 1000
/** As the server has by default. */
export const RETENTION = { graceMs: 7 * DAY_MS, uploadIdleMs: 7 * DAY_MS }

const lease = { step: async () => undefined }

/** Collects as the job does, with the server's clock. */
export function collect(server: TestServer, store: BlobStore = server.store): Promise<Collected> {
  return collectBlobs({ ...server, store, retention: RETENTION }, lease)
}

/** Looks through the store as the job does. */
export function sweep(server: TestServer): Promise<Swept> {
  return sweepStore({ ...server, retention: RETENTION }, lease)
}

/** What the row of a blob says, or undefined without one. */
export async function stateOf(server: TestServer, blobId: Uint8Array): Promise<string | undefined> {
  const row = await server.database.selectFrom('blobs').select('state').where('id', '=', blobId).executeTakeFirst()
  return row?.state
}

export async function usedBytes(server: TestServer, accountId: Uint8Array): Promise<number> {
  const row = await server.database
    .selectFrom('accounts')
    .select('used_bytes')
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
  return row.used_bytes
}
