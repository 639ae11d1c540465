import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import { equal, hex } from '../bytes.ts'
import type { ServerSetup } from '../keys/server-setup.ts'

/** A backup code as people may write it: any case, with or without dashes and spaces, O for 0, I and L for 1. */
export function normaliseBackupCode(text: string): string | null {
  const code = text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(code) ? code : null
}

// [Note: Backup codes]
// A code has 50 bits, too few for a hash that a thief of the database could test guesses against. The hash is keyed by
// the setup, which lies outside the database and under the key service.

/** What is stored of a code. @param code - normalised */
export function backupCodeHash(setup: Pick<ServerSetup, 'blind'>, accountId: Uint8Array, code: string): Uint8Array {
  return setup.blind(`backup-code\0${hex(accountId)}\0${code}`)
}

/** Puts a new set of codes in the place of the old one. */
export async function replaceBackupCodes(
  tx: DatabaseTransaction,
  accountId: Uint8Array,
  hashes: readonly Uint8Array[],
): Promise<void> {
  await tx.deleteFrom('backup_codes').where('account_id', '=', accountId).execute()
  if (hashes.length === 0) return
  await tx
    .insertInto('backup_codes')
    .values(hashes.map((hash) => ({ account_id: accountId, hash })))
    .execute()
}

/** Whether a code is one that was not used yet. */
export async function isBackupCode(database: Database, accountId: Uint8Array, hash: Uint8Array): Promise<boolean> {
  const row = await database
    .selectFrom('backup_codes')
    .select('hash')
    .where('account_id', '=', accountId)
    .where('hash', '=', hash)
    .executeTakeFirst()
  return row !== undefined
}

/** Uses up a code; whether there was one. Of two that race with one code, one gets true. */
export async function spendBackupCode(
  database: DatabaseTransaction,
  accountId: Uint8Array,
  hash: Uint8Array,
): Promise<boolean> {
  const used = await database
    .deleteFrom('backup_codes')
    .where('account_id', '=', accountId)
    .where('hash', '=', hash)
    .executeTakeFirst()
  return used.numDeletedRows > 0n
}

/** Whether exactly these codes are stored. */
export async function areBackupCodes(
  database: Database,
  accountId: Uint8Array,
  hashes: readonly Uint8Array[],
): Promise<boolean> {
  const rows = await database.selectFrom('backup_codes').select('hash').where('account_id', '=', accountId).execute()
  return rows.length === hashes.length && hashes.every((hash) => rows.some((row) => equal(row.hash, hash)))
}
