/**
 * Background jobs, of which any number of servers take turns, and what the store holds without a row.
 *
 * `jobs`: who runs a job (`holder`, fresh for each run) until `lease_ends_ms`; not before `due_ms`.
 * `orphans`: finished objects (`upload_id` empty) and uploads that no blob row names, since `seen_ms` at every look.
 * A doomed one is about to be deleted, and its id can't be reserved any more.
 */
export const JOBS = `
CREATE TABLE jobs (
  name text PRIMARY KEY,
  holder bytea,
  lease_ends_ms bigint NOT NULL DEFAULT 0,
  due_ms bigint NOT NULL DEFAULT 0
);

CREATE TABLE orphans (
  blob_id bytea NOT NULL CHECK (octet_length(blob_id) = 16),
  upload_id text NOT NULL,
  seen_ms bigint NOT NULL,
  last_seen_ms bigint NOT NULL,
  doomed boolean NOT NULL DEFAULT false,
  PRIMARY KEY (blob_id, upload_id)
);

CREATE INDEX wraps_blob ON wraps (blob_id);
`
