/**
 * Deleted accounts: all that stays of one is its row here.
 *
 * `secret_hash`: SHA-256 of what the client fetches the receipt with. `kms_key_id`: the key that wrapped the outer key,
 * since when copies of the database hold it so. `noise_from_ms`: when these copies become noise, as far as it is known;
 * `receipt`: signed, null until the key service has confirmed. `purged_ms`: when the noise itself was cleared away.
 *
 * Blobs and vaults outlive their owner until they are cleared away, and blob rows their ids for good.
 */
export const DELETIONS = `
CREATE TABLE deletions (
  account_id bytea PRIMARY KEY CHECK (octet_length(account_id) = 16),
  secret_hash bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
  scope text NOT NULL CHECK (scope IN ('shared', 'per-user')),
  kms_key_id text NOT NULL,
  kms_key_since_ms bigint NOT NULL,
  deleted_ms bigint NOT NULL,
  noise_from_ms bigint,
  outer_keys integer NOT NULL,
  sessions integer NOT NULL,
  vaults integer NOT NULL,
  commits bigint NOT NULL,
  blobs bigint NOT NULL,
  bytes bigint NOT NULL,
  receipt bytea,
  purged_ms bigint
);
CREATE INDEX deletions_unfinished ON deletions (account_id) WHERE purged_ms IS NULL OR noise_from_ms IS NULL;

ALTER TABLE blobs DROP CONSTRAINT blobs_owner_id_fkey;
ALTER TABLE vaults DROP CONSTRAINT vaults_owner_id_fkey;
CREATE INDEX blobs_owner ON blobs (owner_id);
`
