import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { readTree } from '../harness/files.ts'

/** What somebody carried off. */
export interface Loot {
  /** Every table of the database, row by row. */
  readonly tables: Readonly<Record<string, readonly Record<string, unknown>[]>>
  /** Everything in the blob store, the wrapped OPAQUE setup too. */
  readonly objects: readonly Uint8Array[]
  /** The key service: here the key file. */
  readonly keyFile?: Uint8Array | undefined
}

/** A dump of the database and a copy of the blob store. */
export async function carryOff(database: pg.Pool, dataFolder: string): Promise<Loot> {
  const names = await database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = 'public'`,
  )
  const tables: Record<string, Record<string, unknown>[]> = {}
  for (const { name } of names.rows) {
    tables[name] = (await database.query<Record<string, unknown>>(`SELECT * FROM "${name}"`)).rows
  }
  const objects = (await readTree(join(dataFolder, 'blobs'))).map(({ bytes }) => bytes)
  return { tables, objects }
}

/** The same loot, and the key file of the server. */
export async function withKeyFile(loot: Loot, dataFolder: string): Promise<Loot> {
  return { ...loot, keyFile: await readFile(join(dataFolder, 'keys.json')) }
}

/** Without what the blob store holds of the OPAQUE setup. */
export async function withoutSetup(loot: Loot, dataFolder: string): Promise<Loot> {
  const setup = await readFile(join(dataFolder, 'blobs/named/opaque-setup'))
  return { ...loot, objects: loot.objects.filter((bytes) => Buffer.compare(bytes, setup) !== 0) }
}
