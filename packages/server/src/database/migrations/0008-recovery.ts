/**
 * Recoveries under way: the recovery key was proved, the new password is awaited. Kept by a hash of the id that the
 * client holds, with the versions that it saw; whoever changes one of them first ends the recovery.
 */
export const RECOVERY = `
CREATE TABLE recovery_states (
  id_hash bytea PRIMARY KEY CHECK (octet_length(id_hash) = 32),
  account_id bytea NOT NULL REFERENCES accounts ON DELETE CASCADE,
  password_version bigint NOT NULL,
  recovery_version bigint NOT NULL,
  keyring_version bigint NOT NULL,
  expires_ms bigint NOT NULL
);
CREATE INDEX recovery_states_account ON recovery_states (account_id);
CREATE INDEX recovery_states_expiry ON recovery_states (expires_ms);
`
