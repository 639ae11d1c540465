import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { openKeyFile } from '../../../../packages/server/src/adapters/kms/key-file.ts'
import { type OuterPlace, openOuter, sealOuter } from '../../../../packages/server/src/domain/keys/outer-layer.ts'
import type { Canary } from './needles.ts'
import type { ServerProcess } from './server.ts'

/** What a hostile operator can do with key file and database: take off the outer layer and put it on again. */
export interface OuterLayer {
  open(place: OuterPlace, sealed: Uint8Array): Promise<Uint8Array>
  seal(place: OuterPlace, plaintext: Uint8Array): Promise<Uint8Array>
  /** Copies of the secrets of the service itself: key file, OPAQUE setup, outer key of the account. */
  secrets(owner: Uint8Array): Promise<Canary[]>
}

/** Opens the key file of a server's data folder. */
export async function openOuterLayer(server: Pick<ServerProcess, 'dataFolder' | 'database'>): Promise<OuterLayer> {
  const file = join(server.dataFolder, 'keys.json')
  const service = await openKeyFile({ file, clock: { nowMs: () => Date.now() } })
  const keyOf = async (owner: Uint8Array): Promise<KeyObject> => {
    const { wrapped, version } = await newestKey(server.database, owner)
    const context = { purpose: 'outer-key', account: Buffer.from(owner).toString('hex'), version: String(version) }
    return createSecretKey(await service.unwrap(wrapped, context))
  }
  return {
    open: async (place, sealed) => openOuter(await keyOf(place.owner), place, sealed),
    seal: async (place, plaintext) =>
      sealOuter({ bytes: (length) => randomBytes(length) }, await keyOf(place.owner), place, plaintext),
    async secrets(owner) {
      const ring: { keys: { versions: string[] }[] } = JSON.parse(await readFile(file, 'utf8'))
      const stored = await readFile(join(server.dataFolder, 'blobs/named/opaque-setup'))
      const id = stored.subarray(1, 17).toString('hex')
      const setup = await service.unwrap(stored.subarray(17), { purpose: 'opaque-setup', setup: id })
      const parts: Record<string, string> = JSON.parse(Buffer.from(setup).toString('utf8'))
      return [
        { name: 'outer key', bytes: (await keyOf(owner)).export() },
        ...ring.keys
          .flatMap(({ versions }) => versions)
          .map((text, index) => ({
            name: `key ${index} of the key file`,
            bytes: Buffer.from(text, 'base64'),
          })),
        ...Object.entries(parts).map(([name, text]) => ({
          name: `${name} of the OPAQUE setup`,
          bytes: Buffer.from(text, 'base64url'),
        })),
      ]
    },
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
