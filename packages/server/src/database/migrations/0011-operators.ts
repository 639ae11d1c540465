/**
 * What operators decide: disabled accounts, and codes that let accounts be made.
 *
 * `invites`: `code_hash` is SHA-256 of the code's 20 characters. `quota_bytes` becomes that of the accounts made with
 * it. Accounts remember their invitation, so that a repeated registration does not need a second use.
 */
export const OPERATORS = `
CREATE TABLE invites (
  id bytea PRIMARY KEY CHECK (octet_length(id) = 16),
  code_hash bytea NOT NULL UNIQUE CHECK (octet_length(code_hash) = 32),
  uses_limit integer NOT NULL CHECK (uses_limit >= 1),
  uses integer NOT NULL DEFAULT 0 CHECK (uses >= 0 AND uses <= uses_limit),
  quota_bytes bigint CHECK (quota_bytes >= 0),
  created_ms bigint NOT NULL,
  expires_ms bigint,
  revoked_ms bigint
);

ALTER TABLE accounts ADD COLUMN disabled_ms bigint;
ALTER TABLE accounts ADD COLUMN invite_id bytea REFERENCES invites ON DELETE SET NULL;
CREATE INDEX accounts_created ON accounts (created_ms, id);
CREATE INDEX accounts_invite ON accounts (invite_id) WHERE invite_id IS NOT NULL;
`
