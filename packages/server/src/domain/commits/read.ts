import { LIMITS } from '@strongroom/protocol'
import { HEADER_LENGTH, SIGNATURE_LENGTH } from '@strongroom/vault/header'
import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { ServerError } from '../errors.ts'
import { requireMember } from './access.ts'

export interface Head {
  readonly seq: number
  readonly hash: Uint8Array
}

interface Reader {
  readonly vaultId: Uint8Array
  readonly accountId: Uint8Array
}

/** The newest commit of a vault, for its members. */
export async function readHead(deps: { database: Database }, reader: Reader): Promise<Head> {
  await requireMember(deps.database, reader.vaultId, reader.accountId)
  return headOf(deps.database, reader.vaultId)
}

/** The newest commit, for who may know it. */
export async function headOf(database: Database, vaultId: Uint8Array): Promise<Head> {
  const vault = await database
    .selectFrom('vaults')
    .select(['head_seq', 'head_hash'])
    .where('id', '=', vaultId)
    .executeTakeFirst()
  if (vault === undefined) throw new ServerError('not_found')
  return { seq: vault.head_seq, hash: vault.head_hash }
}

/**
 * Commits from `from` on, at most `limit` and about 4 MiB of them, always at least one where there is one.
 * The head is read first, so that it is never newer than what a following page would hold.
 */
export async function readCommits(
  deps: { database: Database },
  reader: Reader,
  page: { from: number; limit?: number | undefined },
): Promise<{ head: Head; commits: Uint8Array[] }> {
  await requireMember(deps.database, reader.vaultId, reader.accountId)
  const head = await headOf(deps.database, reader.vaultId)
  const limit = page.limit ?? LIMITS.commitsPerPage
  const rows = await sql<{ bytes: Uint8Array }>`
    SELECT c.bytes FROM commits c JOIN (
      SELECT seq, sum(octet_length(bytes)) OVER (ORDER BY seq) - octet_length(bytes) AS before
      FROM commits WHERE vault_id = ${reader.vaultId} AND seq >= ${page.from} AND seq <= ${head.seq}
      ORDER BY seq LIMIT ${limit}
    ) page ON page.seq = c.seq
    WHERE c.vault_id = ${reader.vaultId} AND (page.before = 0 OR page.before < ${LIMITS.commitBytesPerPage})
    ORDER BY c.seq`.execute(deps.database)
  return { head, commits: rows.rows.map((row) => row.bytes) }
}

/**
 * Headers with their signatures from `from` on, and the sections of those that change members; pages as `readCommits`.
 */
export async function readHeaders(
  deps: { database: Database },
  reader: Reader,
  page: { from: number; limit?: number | undefined; only?: 'membership' | undefined },
): Promise<{ head: Head; headers: Uint8Array[] }> {
  await requireMember(deps.database, reader.vaultId, reader.accountId)
  const head = await headOf(deps.database, reader.vaultId)
  const limit = page.limit ?? LIMITS.headersPerPage
  const fixed = HEADER_LENGTH + SIGNATURE_LENGTH
  // Reason for the wording: the index `commits_membership` has the same.
  const only = page.only === 'membership' ? sql`AND get_byte(bytes, 5) & 1 = 1` : sql``
  // Byte 5 of a header has the flags, bit 0 of which says that the section changes members; bytes 172 to 175 its length.
  const rows = await sql<{ bytes: Uint8Array }>`
    WITH page AS (
      SELECT seq, ${fixed} + CASE WHEN get_byte(start, 5) & 1 = 0 THEN 0 ELSE
        get_byte(start, 172) * 16777216 + get_byte(start, 173) * 65536 + get_byte(start, 174) * 256
          + get_byte(start, 175) END AS length
      FROM (
        SELECT seq, substring(bytes FOR ${HEADER_LENGTH}) AS start FROM commits
        WHERE vault_id = ${reader.vaultId} AND seq >= ${page.from} AND seq <= ${head.seq} ${only} ORDER BY seq LIMIT ${limit}
      ) starts
    ), sums AS (SELECT seq, length, sum(length) OVER (ORDER BY seq) - length AS before FROM page)
    SELECT substring(c.bytes FOR sums.length) AS bytes
    FROM commits c JOIN sums ON sums.seq = c.seq
    WHERE c.vault_id = ${reader.vaultId} AND (sums.before = 0 OR sums.before < ${LIMITS.commitBytesPerPage})
    ORDER BY c.seq`.execute(deps.database)
  return { head, headers: rows.rows.map((row) => row.bytes) }
}
