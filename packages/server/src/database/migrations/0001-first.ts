/**
 * Accounts, sessions, vaults and blobs. Ids are 16 bytes, times milliseconds since 1970, sizes bytes.
 *
 * `sealed` columns hold client-sealed bytes under the server's outer layer; `outer_version` says which of the owner's
 * outer keys. Bytes that are ciphertext are stored EXTERNAL: compressing them would cost time and save nothing.
 */
export const FIRST = `
CREATE TABLE accounts (
  id bytea PRIMARY KEY CHECK (octet_length(id) = 16),
  login_hash text NOT NULL UNIQUE,
  setup_id bytea NOT NULL,
  opaque_record text NOT NULL,
  recovery_auth_hash bytea NOT NULL CHECK (octet_length(recovery_auth_hash) = 32),
  card bytea NOT NULL,
  card_hash bytea NOT NULL CHECK (octet_length(card_hash) = 32),
  private_vault_id bytea NOT NULL,
  quota_bytes bigint,
  used_bytes bigint NOT NULL DEFAULT 0 CHECK (used_bytes >= 0),
  created_ms bigint NOT NULL
);
CREATE INDEX accounts_setup ON accounts (setup_id);

CREATE TABLE outer_keys (
  account_id bytea NOT NULL REFERENCES accounts,
  version integer NOT NULL CHECK (version >= 1),
  wrapped bytea NOT NULL,
  created_ms bigint NOT NULL,
  PRIMARY KEY (account_id, version)
);

CREATE TABLE envelopes (
  account_id bytea NOT NULL REFERENCES accounts,
  method smallint NOT NULL,
  version bigint NOT NULL CHECK (version >= 1),
  outer_version integer NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (account_id, method)
);

CREATE TABLE keyrings (
  account_id bytea PRIMARY KEY REFERENCES accounts,
  version bigint NOT NULL CHECK (version >= 1),
  outer_version integer NOT NULL,
  sealed bytea NOT NULL
);

CREATE TABLE sessions (
  token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
  id bytea NOT NULL UNIQUE,
  account_id bytea NOT NULL REFERENCES accounts,
  created_ms bigint NOT NULL,
  used_ms bigint NOT NULL,
  expires_ms bigint NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_expiry ON sessions (expires_ms);

CREATE TABLE login_states (
  id bytea PRIMARY KEY CHECK (octet_length(id) = 16),
  sealed bytea NOT NULL,
  expires_ms bigint NOT NULL
);
CREATE INDEX login_states_expiry ON login_states (expires_ms);

CREATE TABLE vaults (
  id bytea PRIMARY KEY CHECK (octet_length(id) = 16),
  owner_id bytea NOT NULL REFERENCES accounts,
  epoch bigint NOT NULL,
  head_seq bigint NOT NULL,
  head_hash bytea NOT NULL CHECK (octet_length(head_hash) = 32),
  chain_state bytea NOT NULL,
  created_ms bigint NOT NULL
);

CREATE TABLE members (
  vault_id bytea NOT NULL REFERENCES vaults,
  account_id bytea NOT NULL,
  role text NOT NULL CHECK (role IN ('reader', 'writer', 'owner')),
  state text NOT NULL CHECK (state IN ('invited', 'active')),
  PRIMARY KEY (vault_id, account_id)
);
CREATE INDEX members_account ON members (account_id);

CREATE TABLE commits (
  vault_id bytea NOT NULL REFERENCES vaults,
  seq bigint NOT NULL CHECK (seq >= 0),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  bytes bytea NOT NULL,
  appended_ms bigint NOT NULL,
  PRIMARY KEY (vault_id, seq)
);
ALTER TABLE commits ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE blobs (
  id bytea PRIMARY KEY CHECK (octet_length(id) = 16),
  owner_id bytea NOT NULL REFERENCES accounts,
  state text NOT NULL CHECK (state IN ('reserved', 'stored', 'live', 'condemned', 'deleted')),
  -- Announced or completed ciphertext length; null while unknown.
  length bigint CHECK (length >= 0),
  part_size integer NOT NULL,
  -- What the owner's quota is charged: the length, or while that is unknown the end of the furthest part so far.
  charged_bytes bigint NOT NULL CHECK (charged_bytes >= 0),
  upload_id text,
  digests bytea,
  reference_count bigint NOT NULL DEFAULT 0 CHECK (reference_count >= 0),
  active_ms bigint NOT NULL,
  -- No presigned URL for this blob works after this time.
  urls_end_ms bigint NOT NULL DEFAULT 0,
  condemned_ms bigint
);
ALTER TABLE blobs ALTER COLUMN digests SET STORAGE EXTERNAL;
CREATE INDEX blobs_unsettled ON blobs (state, active_ms) WHERE state IN ('reserved', 'stored', 'condemned');

CREATE TABLE blob_references (
  vault_id bytea NOT NULL REFERENCES vaults,
  blob_id bytea NOT NULL REFERENCES blobs,
  count bigint NOT NULL CHECK (count > 0),
  PRIMARY KEY (vault_id, blob_id)
);
CREATE INDEX blob_references_blob ON blob_references (blob_id);

CREATE TABLE wraps (
  vault_id bytea NOT NULL REFERENCES vaults,
  blob_id bytea NOT NULL REFERENCES blobs,
  epoch bigint NOT NULL,
  outer_version integer NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (vault_id, blob_id, epoch)
);

CREATE TABLE rate_limits (
  key bytea PRIMARY KEY,
  points integer NOT NULL,
  ends_ms bigint NOT NULL
);
CREATE INDEX rate_limits_end ON rate_limits (ends_ms);
`
