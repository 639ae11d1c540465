import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import { type Clock, type KeyContext, type KeyManagement, KeyManagementError, type Random } from '../../ports/index.ts'
import { equal, hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { sharedKeyId } from './kms-keys.ts'

/** Invariant: no outer key is used longer than this after its key of the key service was disabled. */
const LIFE_MS = 5 * 60 * 1000
const CAPACITY = 10_000

export interface OuterKey {
  readonly version: number
  readonly key: KeyObject
}

/** A fresh outer key, to be stored in the transaction that needs it first. */
export interface NewOuterKey extends OuterKey {
  readonly wrapped: Uint8Array
  readonly kmsKeyId: string
}

/** Outer keys by account, unwrapped by the key service and kept for at most five minutes. */
export interface OuterKeys {
  /** A fresh key for an account that is being made, under the shared key; `insertOuterKey` stores it. */
  create(accountId: Uint8Array): Promise<NewOuterKey>
  /** The newest key, for sealing. */
  newest(accountId: Uint8Array): Promise<OuterKey>
  /** The key of a row. */
  version(accountId: Uint8Array, version: number): Promise<KeyObject>
  /** Forgets everything, at shutdown. */
  clear(): void
}

/** What the wrapped bytes of an outer key are bound to. */
export function outerKeyContext(accountId: Uint8Array, version: number): KeyContext {
  return { purpose: 'outer-key', account: hex(accountId), version: String(version) }
}

/** Makes an outer key under a key of the key service. */
export async function makeOuterKey(
  deps: { keys: KeyManagement; random: Random },
  input: { readonly accountId: Uint8Array; readonly version: number; readonly kmsKeyId: string },
): Promise<NewOuterKey> {
  const { version, kmsKeyId } = input
  const bytes = deps.random.bytes(32)
  try {
    const wrapped = await deps.keys.wrap(kmsKeyId, bytes, outerKeyContext(input.accountId, version))
    return { version, key: createSecretKey(bytes), wrapped, kmsKeyId }
  } finally {
    bytes.fill(0)
  }
}

/** Stores an outer key. Fails, to be tried again, when its key of the key service was retired meanwhile. */
export async function insertOuterKey(
  database: Database | DatabaseTransaction,
  accountId: Uint8Array,
  outer: NewOuterKey,
  nowMs: number,
): Promise<void> {
  await database
    .insertInto('outer_keys')
    .values({
      account_id: accountId,
      version: outer.version,
      wrapped: outer.wrapped,
      kms_key_id: outer.kmsKeyId,
      created_ms: nowMs,
    })
    .execute()
}

export function outerKeys(deps: { database: Database; keys: KeyManagement; clock: Clock; random: Random }): OuterKeys {
  const { database, clock } = deps
  const cache = new Map<string, { key: Promise<KeyObject>; endsMs: number }>()

  function remember(name: string, key: Promise<KeyObject>): Promise<KeyObject> {
    const now = clock.nowMs()
    for (const [other, entry] of cache) {
      // Entries stand in order of insertion and live equally long, so the first one alive ends the sweep.
      if (entry.endsMs > now && cache.size < CAPACITY) break
      cache.delete(other)
    }
    const entry = { key, endsMs: now + LIFE_MS }
    cache.set(name, entry)
    key.catch(() => {
      if (cache.get(name) === entry) cache.delete(name)
    })
    return key
  }

  function cached(name: string): Promise<KeyObject> | undefined {
    const entry = cache.get(name)
    if (entry === undefined) return undefined
    const left = entry.endsMs - clock.nowMs()
    // More than a whole life is left only after the clock was set back.
    return left > 0 && left <= LIFE_MS ? entry.key : undefined
  }

  function byVersion(accountId: Uint8Array, version: number): Promise<KeyObject> {
    const name = `${hex(accountId)}/${version}`
    return cached(name) ?? remember(name, fetchOuterKey(deps, accountId, version))
  }

  return {
    create: async (accountId) => makeOuterKey(deps, { accountId, version: 1, kmsKeyId: await sharedKeyId(deps) }),
    async newest(accountId) {
      const row = await database
        .selectFrom('outer_keys')
        .select('version')
        .where('account_id', '=', accountId)
        .orderBy('version', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined) throw new ServerError('not_found')
      return { version: row.version, key: await byVersion(accountId, row.version) }
    },
    version: byVersion,
    clear: () => cache.clear(),
  }
}

/** Unwraps an outer key, again where a rotation has moved it to another key of the key service meanwhile. */
async function fetchOuterKey(
  deps: { database: Database; keys: KeyManagement },
  accountId: Uint8Array,
  version: number,
): Promise<KeyObject> {
  const wrapped = await readWrapped(deps.database, accountId, version)
  try {
    return await unwrapOuterKey(deps.keys, { accountId, version, wrapped })
  } catch (error) {
    if (!(error instanceof KeyManagementError) || error.code === 'unavailable') throw error
    const now = await readWrapped(deps.database, accountId, version)
    if (equal(now, wrapped)) throw error
    return unwrapOuterKey(deps.keys, { accountId, version, wrapped: now })
  }
}

/** @throws KeyManagementError */
async function unwrapOuterKey(
  keys: KeyManagement,
  outer: { readonly accountId: Uint8Array; readonly version: number; readonly wrapped: Uint8Array },
): Promise<KeyObject> {
  const bytes = await keys.unwrap(outer.wrapped, outerKeyContext(outer.accountId, outer.version))
  try {
    return createSecretKey(bytes)
  } finally {
    bytes.fill(0)
  }
}

/** @throws ServerError `unavailable` when a rotation has removed this version: whoever reads again finds the newer */
async function readWrapped(database: Database, accountId: Uint8Array, version: number): Promise<Uint8Array> {
  const rows = await database
    .selectFrom('outer_keys')
    .select(['version', 'wrapped'])
    .where('account_id', '=', accountId)
    .where('version', '>=', version)
    .execute()
  const row = rows.find((found) => found.version === version)
  if (row !== undefined) return row.wrapped
  if (rows.length > 0) throw new ServerError('unavailable', { retryAfterSeconds: 1 })
  throw new ServerError('stored_data_damaged')
}
