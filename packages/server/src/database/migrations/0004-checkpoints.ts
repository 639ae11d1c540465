/** The newest checkpoint of each vault: the sealed manifest, and what its author says of its place. */
export const CHECKPOINTS = `
CREATE TABLE checkpoints (
  vault_id bytea PRIMARY KEY REFERENCES vaults,
  named_by_seq bigint NOT NULL,
  seq bigint NOT NULL,
  epoch bigint NOT NULL,
  outer_version integer NOT NULL,
  sealed bytea NOT NULL
);
ALTER TABLE checkpoints ALTER COLUMN sealed SET STORAGE EXTERNAL;
`
