import type { Database } from '../database/tables.ts'
import type { RegistrationPolicy } from '../domain/accounts/invites.ts'
import type { HeadWatch } from '../domain/commits/head-watch.ts'
import type { OuterKeys } from '../domain/keys/outer-keys.ts'
import type { ServerSetup } from '../domain/keys/server-setup.ts'
import type { BlobStore, Clock, KeyManagement, Random } from '../ports/index.ts'

/** What the handlers of all routes work on. */
export interface HandlerDeps {
  database: Database
  keys: KeyManagement
  store: BlobStore
  clock: Clock
  random: Random
  setup: ServerSetup
  outerKeys: OuterKeys
  heads: HeadWatch
  /** Done before an account reserves blobs: with KMS_KEY_SCOPE=per-user it gets its own key at the first. */
  prepareUpload: (accountId: Uint8Array) => Promise<void>
  quotaBytes: number
  registration: RegistrationPolicy
  /** Attempts to log in or register that one address has in a minute. */
  attemptsPerMinute: number
}
