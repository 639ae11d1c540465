/**
 * Audit logs, one hash chain per account.
 *
 * `audit_heads`: the newest entry, or seq 0 and zeros; its row is the lock under which entries are appended.
 * `audit_entries`: `hash` covers the entry and the hash of the one before.
 * `audit_folds`: what strangers can cause as often as they like, counted here until it becomes one entry. The ids of
 * accounts that do not exist occur too, so that a failed login costs the same for both.
 */
export const AUDIT = `
CREATE TABLE audit_heads (
  account_id bytea PRIMARY KEY REFERENCES accounts,
  seq bigint NOT NULL CHECK (seq >= 0),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE TABLE audit_entries (
  account_id bytea NOT NULL REFERENCES audit_heads,
  seq bigint NOT NULL CHECK (seq >= 1),
  time_ms bigint NOT NULL,
  event text NOT NULL,
  count bigint NOT NULL CHECK (count >= 1),
  session_id bytea,
  device_id bytea,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (account_id, seq)
);

CREATE TABLE audit_folds (
  account_id bytea NOT NULL CHECK (octet_length(account_id) = 16),
  event text NOT NULL,
  count bigint NOT NULL CHECK (count >= 1),
  last_ms bigint NOT NULL,
  PRIMARY KEY (account_id, event)
);
`
