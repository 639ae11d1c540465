/**
 * The second factor of a sign-in, and the server's half of what seals the keys on a signed-in device.
 *
 * A half goes with its session. A TOTP secret counts once `active`; `last_step` is the newest time step of which a code
 * was accepted. Backup codes are keyed hashes under a key outside the database. A ticket stands for a password that was
 * proved, sealed as login states are.
 */
export const SECOND_FACTOR = `
CREATE TABLE session_halves (
  session_id bytea PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
  account_id bytea NOT NULL REFERENCES accounts ON DELETE CASCADE,
  outer_version integer NOT NULL,
  sealed bytea NOT NULL
);
CREATE INDEX session_halves_account ON session_halves (account_id);

CREATE TABLE totp (
  account_id bytea PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  enrolment_id bytea NOT NULL CHECK (octet_length(enrolment_id) = 16),
  active boolean NOT NULL,
  last_step bigint NOT NULL,
  outer_version integer NOT NULL,
  sealed bytea NOT NULL,
  created_ms bigint NOT NULL
);

CREATE TABLE backup_codes (
  account_id bytea NOT NULL REFERENCES accounts ON DELETE CASCADE,
  hash bytea NOT NULL CHECK (octet_length(hash) = 16),
  PRIMARY KEY (account_id, hash)
);

CREATE TABLE login_tickets (
  id bytea PRIMARY KEY CHECK (octet_length(id) = 16),
  sealed bytea NOT NULL,
  tries integer NOT NULL,
  expires_ms bigint NOT NULL
);
CREATE INDEX login_tickets_expiry ON login_tickets (expires_ms);
`
