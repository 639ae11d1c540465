import type { z } from 'zod'
import type { Database } from '../database/tables.ts'
import type { Retention } from '../domain/blobs/retention.ts'
import type { OuterKeys } from '../domain/keys/outer-keys.ts'
import type { ServerSetup } from '../domain/keys/server-setup.ts'
import type { BackupFolder, BlobStore, Clock, KeyManagement, Logger, Random } from '../ports/index.ts'

/** What operations work on: the same as the server's requests. */
export interface AdminDeps {
  readonly database: Database
  readonly store: BlobStore
  readonly keys: KeyManagement
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly setup: ServerSetup
  readonly outerKeys: OuterKeys
  readonly retention: Retention
  /** Of accounts that have none of their own. */
  readonly quotaBytes: number
  readonly registration: 'open' | 'invite' | 'closed'
  /** Where backups go, by the absolute path of a folder. */
  readonly openBackupFolder: (path: string) => Promise<BackupFolder>
  /** null where another key service than a key file keeps the keys. */
  readonly readKeyFile: (() => Promise<Uint8Array>) | null
}

/** JSON as it goes to the operator: ids in hex, times in milliseconds, other bytes in base64url. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** One call of an operation, as the operation sees its caller. */
export interface AdminCall {
  /** Aborted once the caller is gone or the server stops; long operations look at it between their batches. */
  readonly signal: AbortSignal
  /** Says how far it got. */
  progress(value: Json): Promise<void>
  /** Hands over a piece of an answer that may be too long to be held at once. Waits for a slow caller. */
  item(value: Json): Promise<void>
}

/** Something that operators can do, as data. */
export interface AdminOperation<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  readonly name: string
  readonly input: Input
  /** At most 1 MiB as JSON; more goes out by `item`. */
  readonly output: Output
  /** @throws AdminError for the operator; ServerError and errors of ports are translated */
  run(deps: AdminDeps, input: z.output<Input>, call: AdminCall): Promise<z.output<Output>>
}

export function defineOperation<Input extends z.ZodType, Output extends z.ZodType>(
  operation: AdminOperation<Input, Output>,
): AdminOperation<Input, Output> {
  return operation
}
