import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Database } from '../../database/tables.ts'
import type { Clock, KeyContext, KeyManagement, Random } from '../../ports/index.ts'
import { hex } from '../bytes.ts'

const LIFE_MS = 5 * 60 * 1000
const CAPACITY = 10_000

export interface OuterKey {
  readonly version: number
  readonly key: KeyObject
}

/** Outer keys by account, unwrapped by the key service and kept for at most five minutes. */
export interface OuterKeys {
  /** A fresh key for an account that is being made; the caller stores `wrapped` in the same transaction. */
  create(accountId: Uint8Array): Promise<OuterKey & { wrapped: Uint8Array }>
  /** The newest key, for sealing. */
  newest(accountId: Uint8Array): Promise<OuterKey>
  /** The key of a row. */
  version(accountId: Uint8Array, version: number): Promise<KeyObject>
  /** Forgets everything, at shutdown. */
  clear(): void
}

function outerKeyContext(accountId: Uint8Array, version: number): KeyContext {
  return { purpose: 'outer-key', account: hex(accountId), version: String(version) }
}

export function outerKeys(deps: { database: Database; keys: KeyManagement; clock: Clock; random: Random }): OuterKeys {
  const { database, keys, clock, random } = deps
  const cache = new Map<string, { key: Promise<KeyObject>; endsMs: number }>()

  async function unwrap(accountId: Uint8Array, version: number, wrapped: Uint8Array): Promise<KeyObject> {
    const bytes = await keys.unwrap(wrapped, outerKeyContext(accountId, version))
    try {
      return createSecretKey(bytes)
    } finally {
      bytes.fill(0)
    }
  }

  function remember(name: string, key: Promise<KeyObject>): Promise<KeyObject> {
    const now = clock.nowMs()
    for (const [other, entry] of cache) {
      // Entries stand in order of insertion and live equally long, so the first one alive ends the sweep.
      if (entry.endsMs > now && cache.size < CAPACITY) break
      cache.delete(other)
    }
    cache.set(name, { key, endsMs: now + LIFE_MS })
    key.catch(() => cache.delete(name))
    return key
  }

  function cached(name: string): Promise<KeyObject> | undefined {
    const entry = cache.get(name)
    return entry !== undefined && entry.endsMs > clock.nowMs() ? entry.key : undefined
  }

  async function fetchVersion(accountId: Uint8Array, version: number): Promise<KeyObject> {
    const row = await database
      .selectFrom('outer_keys')
      .select('wrapped')
      .where('account_id', '=', accountId)
      .where('version', '=', version)
      .executeTakeFirstOrThrow()
    return unwrap(accountId, version, row.wrapped)
  }

  function byVersion(accountId: Uint8Array, version: number): Promise<KeyObject> {
    const name = `${hex(accountId)}/${version}`
    return cached(name) ?? remember(name, fetchVersion(accountId, version))
  }

  return {
    async create(accountId) {
      const bytes = random.bytes(32)
      const wrapped = await keys.wrap(await keys.currentKeyId(), bytes, outerKeyContext(accountId, 1))
      const key = createSecretKey(bytes)
      bytes.fill(0)
      return { version: 1, key, wrapped }
    },
    async newest(accountId) {
      const row = await database
        .selectFrom('outer_keys')
        .select((build) => build.fn.max('version').as('version'))
        .where('account_id', '=', accountId)
        .executeTakeFirstOrThrow()
      return { version: row.version, key: await byVersion(accountId, row.version) }
    },
    version: byVersion,
    clear: () => cache.clear(),
  }
}
