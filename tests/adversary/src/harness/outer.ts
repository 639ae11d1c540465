import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type pg from 'pg'
import { openKeyFile } from '../../../../packages/server/src/adapters/kms/key-file.ts'
import { type OuterPlace, openOuter, sealOuter } from '../../../../packages/server/src/domain/keys/outer-layer.ts'
import type { ServerProcess } from './server.ts'

/** What a hostile operator can do with key file and database: take off the outer layer and put it on again. */
export interface OuterLayer {
  open(place: OuterPlace, sealed: Uint8Array): Promise<Uint8Array>
  seal(place: OuterPlace, plaintext: Uint8Array): Promise<Uint8Array>
}

/** Opens the key file of a server's data folder. */
export async function openOuterLayer(server: ServerProcess): Promise<OuterLayer> {
  const service = await openKeyFile({ file: join(server.dataFolder, 'keys.json'), clock: { nowMs: () => Date.now() } })
  const keyOf = async (owner: Uint8Array): Promise<KeyObject> => {
    const { wrapped, version } = await newestKey(server.database, owner)
    const context = { purpose: 'outer-key', account: Buffer.from(owner).toString('hex'), version: String(version) }
    return createSecretKey(await service.unwrap(wrapped, context))
  }
  return {
    open: async (place, sealed) => openOuter(await keyOf(place.owner), place, sealed),
    seal: async (place, plaintext) =>
      sealOuter({ bytes: (length) => randomBytes(length) }, await keyOf(place.owner), place, plaintext),
  }
}

async function newestKey(pool: pg.Pool, owner: Uint8Array): Promise<{ wrapped: Buffer; version: number }> {
  const found = await pool.query<{ wrapped: Buffer; version: number }>(
    'SELECT wrapped, version FROM outer_keys WHERE account_id = $1 ORDER BY version DESC LIMIT 1',
    [owner],
  )
  const row = found.rows[0]
  if (row === undefined) throw new Error('the account has no outer key')
  return row
}
