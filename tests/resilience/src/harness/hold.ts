import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** Which write of the database is held up, once its statement runs. */
export type Held = 'stored' | 'commit' | 'envelope' | 'deletion'

const TRIGGERS: Record<Held, string> = {
  stored: `BEFORE UPDATE ON blobs FOR EACH ROW WHEN (OLD.state = 'reserved' AND NEW.state = 'stored')`,
  commit: 'BEFORE INSERT ON commits FOR EACH ROW',
  envelope: 'BEFORE UPDATE ON envelopes FOR EACH ROW',
  deletion: 'BEFORE INSERT ON deletions FOR EACH ROW',
}
const KEY = 4711

export interface Hold {
  /** Resolves when a write waits. */
  reached(): Promise<void>
  /** Lets it go on. */
  release(): Promise<void>
}

/**
 * Holds up a write in the embedded database of a server, as long as that database runs and `release` is not called:
 * what a store has written by then is not yet recorded.
 */
export async function hold(dataDir: string, held: Held): Promise<Hold> {
  const host = join(dataDir, 'postgres/socket')
  const client = new pg.Client({ host, port: 5432, user: 'strongroom', database: 'strongroom' })
  // Reason: the database dies with its server.
  client.on('error', () => undefined)
  await client.connect()
  await client.query(`
    CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock(${KEY}); RETURN NEW; END $$;
    DROP TRIGGER IF EXISTS hold ON blobs;
    DROP TRIGGER IF EXISTS hold ON commits;
    DROP TRIGGER IF EXISTS hold ON envelopes;
    DROP TRIGGER IF EXISTS hold ON deletions;
    CREATE TRIGGER hold ${TRIGGERS[held]} EXECUTE FUNCTION hold();`)
  await client.query(`SELECT pg_advisory_lock(${KEY})`)
  return {
    async reached() {
      const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${KEY} AND NOT granted`
      while ((await client.query(waiting)).rowCount === 0) await sleep(20)
    },
    async release() {
      await client.end().catch(() => undefined)
    },
  }
}
