import { sql } from 'kysely'
import type { Database } from '../database/tables.ts'

/** How much a database is filled with. */
export interface Population {
  readonly accounts: number
  /** Blobs of each account: nearly all live, one of twenty in another state. */
  readonly blobsEach: number
}

const KEY = 'populated'
const FILLED = [
  ...['accounts', 'outer_keys', 'envelopes', 'keyrings', 'sessions', 'session_halves', 'vaults', 'members', 'commits'],
  ...['audit_heads', 'audit_entries', 'rate_limits', 'login_states', 'blobs', 'blob_references', 'wraps'],
]

/**
 * Fills an empty, migrated database with accounts and blobs as years of use leave them. Sealed columns hold noise: rows
 * are for the planner, not for clients. Needs a superuser, because no trigger runs, and nobody who waits for a table.
 *
 * Ten million blobs take minutes instead of half an hour by what happens in one transaction: tables that were emptied in
 * it are not written to the log of a server whose `wal_level` is `minimal`, and indexes that are not ready are left alone
 * until they are made anew, in their order.
 */
export async function populate(database: Database, { accounts, blobsEach }: Population): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    const run = (text: string) => sql.raw(text).execute(transaction)
    await run(`SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = 0`)
    await run(`TRUNCATE ${FILLED.join(', ')} CASCADE`)
    const indexes = `indrelid = ANY ('{${FILLED.join(', ')}}'::regclass[])`
    await run(`UPDATE pg_index SET indisready = false WHERE ${indexes}`)
    await run(`
      CREATE FUNCTION populated_id(kind text, i bigint) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT decode(md5(kind || i::text), 'hex') $$;
      CREATE FUNCTION populated_hash(kind text, i bigint) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT sha256((kind || i::text)::bytea) $$;
      CREATE FUNCTION populated_noise(length integer) RETURNS bytea LANGUAGE sql
        AS $$ SELECT decode(repeat(md5(random()::text), length / 16), 'hex') $$`)
    await run(`INSERT INTO kms_keys (id, state, created_ms) VALUES ('${KEY}', 'retired', 0)`)
    const each = `FROM generate_series(1, ${accounts}) AS i`
    const account = `populated_id('account', i)`
    const vault = `populated_id('vault', i)`
    await run(`
      INSERT INTO accounts (id, login_hash, setup_id, opaque_record, recovery_auth_hash, card, card_hash, private_vault_id,
        used_bytes, created_ms)
      SELECT ${account}, encode(populated_hash('login', i), 'hex'), populated_id('setup', 1), repeat(md5(i::text), 8),
        populated_hash('recovery', i), populated_noise(1360), populated_hash('card', i), ${vault}, 1000 * i, 1000 * i ${each};
      INSERT INTO outer_keys (account_id, version, wrapped, created_ms, kms_key_id)
      SELECT ${account}, 1, populated_noise(112), i, '${KEY}' ${each};
      INSERT INTO envelopes SELECT ${account}, method, 1, 1, populated_noise(160) ${each}, generate_series(1, 2) AS method;
      INSERT INTO keyrings SELECT ${account}, 1, 1, populated_noise(320) ${each};
      INSERT INTO sessions (token_hash, id, account_id, device_id, created_ms, used_ms, expires_ms)
      SELECT populated_hash('token', i * 2 + n), populated_id('session', i * 2 + n), ${account}, populated_id('device', i * 2 + n),
        i, i, 4000000000000 + i * 1000 ${each}, generate_series(0, 1) AS n;
      INSERT INTO session_halves SELECT populated_id('session', i * 2 + n), ${account}, 1, populated_noise(96)
        ${each}, generate_series(0, 1) AS n;
      INSERT INTO vaults SELECT ${vault}, ${account}, 1, 2, populated_hash('commit', i * 3 + 2), populated_noise(400), i ${each};
      INSERT INTO members SELECT ${vault}, ${account}, 'owner', 'active' ${each};
      INSERT INTO commits SELECT ${vault}, seq, populated_hash('commit', i * 3 + seq), populated_noise(800), i
        ${each}, generate_series(0, 2) AS seq;
      INSERT INTO audit_heads SELECT ${account}, 2, populated_hash('audit', i) ${each};
      INSERT INTO audit_entries SELECT ${account}, seq, i, 'signed_in', 1, NULL, NULL, populated_hash('audit', i * 2 + seq)
        ${each}, generate_series(1, 2) AS seq;
      INSERT INTO rate_limits SELECT populated_id('limit', i), 1, 4000000000000 + i ${each};
      INSERT INTO login_states SELECT populated_id('login', i), populated_noise(400), 4000000000000 + i ${each} WHERE i % 50 = 0`)
    const blobs = `FROM generate_series(0, ${accounts * blobsEach - 1}) AS b, LATERAL (SELECT 1 + b / ${blobsEach} AS i) AS owned`
    await run(`
      INSERT INTO blobs (id, owner_id, state, length, part_size, charged_bytes, digests, reference_count, active_ms, urls_end_ms,
        condemned_ms, object_removed)
      SELECT populated_id('blob', b), ${account}, state, 100000, 8388608, CASE state WHEN 'live' THEN 100000 ELSE 0 END,
        populated_hash('digest', b), CASE state WHEN 'live' THEN 1 ELSE 0 END, 4000000000000 + b, 0,
        CASE state WHEN 'condemned' THEN 4000000000000 + b END, state = 'deleted'
      FROM (SELECT b, 1 + b / ${blobsEach} AS i, CASE b % 100 WHEN 0 THEN 'reserved' WHEN 1 THEN 'stored'
        WHEN 2 THEN 'condemned' WHEN 3 THEN 'deleted' WHEN 4 THEN 'deleted' ELSE 'live' END AS state
        FROM generate_series(0, ${accounts * blobsEach - 1}) AS b) AS made`)
    await run(`
      INSERT INTO blob_references SELECT ${vault}, populated_id('blob', b), 1 ${blobs} WHERE b % 100 > 4`)
    await run(`
      INSERT INTO wraps (vault_id, blob_id, epoch, outer_version, sealed)
      SELECT ${vault}, populated_id('blob', b), 1, 1, populated_noise(144) ${blobs} WHERE b % 100 > 4`)
    await run(`SET LOCAL maintenance_work_mem = '512MB'`)
    for (const table of FILLED) await run(`REINDEX TABLE ${table}`)
  })
  await database.connection().execute(async (connection) => {
    const run = (text: string) => sql.raw(text).execute(connection)
    await run(`SET statement_timeout = 0`)
    // Reason: the database would do so by itself a minute later, beside whoever measures it.
    await run(`VACUUM (ANALYZE)`)
    await run(`RESET statement_timeout`)
  })
}
