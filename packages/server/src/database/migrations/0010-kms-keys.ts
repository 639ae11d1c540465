/**
 * Keys of the key service, and what is wrapped under them.
 *
 * `kms_keys`: `account_id` is null for keys that accounts share. Under the `current` one new outer keys are wrapped;
 * from a `retired` one they are moved away; a `doomed` one is to be destroyed, and a destruction that the service has
 * confirmed makes it `ended`, to be gone at `destruction_ms`. `kms_rotations`: moves from older shared keys to
 * `to_key`, at most one of them unfinished.
 *
 * Until now there was one kind of key service, whose wrapped bytes have the key's id at 1 … 16.
 *
 * The triggers hold what servers that race can't know of each other: nothing is wrapped under a key that is retired,
 * no outer key changes its scope, and no row is sealed under an outer key that a rotation has removed. 40001 makes the
 * caller try again, with the newer key.
 */
export const KMS_KEYS = `
CREATE TABLE kms_keys (
  id text PRIMARY KEY,
  account_id bytea CHECK (octet_length(account_id) = 16),
  state text NOT NULL CHECK (state IN ('current', 'retired', 'doomed', 'ended')),
  created_ms bigint NOT NULL,
  destruction_ms bigint
);
CREATE UNIQUE INDEX kms_keys_shared ON kms_keys ((account_id IS NULL)) WHERE account_id IS NULL AND state = 'current';
CREATE UNIQUE INDEX kms_keys_account ON kms_keys (account_id) WHERE account_id IS NOT NULL AND state = 'current';
CREATE INDEX kms_keys_state ON kms_keys (state, id) WHERE state IN ('retired', 'doomed');

ALTER TABLE outer_keys ADD COLUMN kms_key_id text;
UPDATE outer_keys SET kms_key_id = encode(substring(wrapped FROM 2 FOR 16), 'hex');
INSERT INTO kms_keys (id, state, created_ms) SELECT DISTINCT kms_key_id, 'retired', 0 FROM outer_keys;
ALTER TABLE outer_keys ALTER COLUMN kms_key_id SET NOT NULL;
ALTER TABLE outer_keys ADD FOREIGN KEY (kms_key_id) REFERENCES kms_keys;
CREATE INDEX outer_keys_kms ON outer_keys (kms_key_id, account_id);
CREATE INDEX outer_keys_unfinished ON outer_keys (account_id) WHERE version > 1;
CREATE INDEX vaults_owner ON vaults (owner_id);

CREATE TABLE kms_rotations (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key_name text NOT NULL,
  to_key text REFERENCES kms_keys,
  started_ms bigint NOT NULL,
  finished_ms bigint
);
CREATE UNIQUE INDEX kms_rotations_unfinished ON kms_rotations ((true)) WHERE finished_ms IS NULL;

CREATE FUNCTION guard_outer_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM kms_keys
    WHERE id = NEW.kms_key_id AND state = 'current' AND (account_id IS NULL OR account_id = NEW.account_id) FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the key of the key service was replaced' USING ERRCODE = '40001';
  END IF;
  IF TG_OP = 'UPDATE' AND (SELECT count(DISTINCT coalesce(account_id, '')) FROM kms_keys
    WHERE id IN (OLD.kms_key_id, NEW.kms_key_id)) > 1 THEN
    RAISE EXCEPTION 'an outer key never crosses scopes';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard_insert AFTER INSERT ON outer_keys FOR EACH ROW EXECUTE FUNCTION guard_outer_key();
CREATE TRIGGER guard_update AFTER UPDATE OF wrapped, kms_key_id ON outer_keys
  FOR EACH ROW EXECUTE FUNCTION guard_outer_key();

CREATE FUNCTION guard_sealed_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM outer_keys k
    WHERE (k.account_id, k.version) IN (SELECT account_id, outer_version FROM written)
    ORDER BY k.account_id, k.version FOR KEY SHARE;
  IF EXISTS (SELECT FROM written w WHERE NOT EXISTS
    (SELECT FROM outer_keys k WHERE k.account_id = w.account_id AND k.version = w.outer_version)) THEN
    RAISE EXCEPTION 'the outer key was replaced' USING ERRCODE = '40001';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION guard_sealed_of_vault() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM outer_keys k
    WHERE (k.account_id, k.version) IN
      (SELECT v.owner_id, w.outer_version FROM written w JOIN vaults v ON v.id = w.vault_id)
    ORDER BY k.account_id, k.version FOR KEY SHARE;
  IF EXISTS (SELECT FROM (SELECT DISTINCT vault_id, outer_version FROM written) w JOIN vaults v ON v.id = w.vault_id
    WHERE NOT EXISTS (SELECT FROM outer_keys k WHERE k.account_id = v.owner_id AND k.version = w.outer_version)) THEN
    RAISE EXCEPTION 'the outer key was replaced' USING ERRCODE = '40001';
  END IF;
  RETURN NULL;
END $$;

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['envelopes', 'keyrings', 'session_halves', 'totp'] LOOP
    EXECUTE format('CREATE TRIGGER guard_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS written
      FOR EACH STATEMENT EXECUTE FUNCTION guard_sealed_of_account()', name);
    EXECUTE format('CREATE TRIGGER guard_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS written
      FOR EACH STATEMENT EXECUTE FUNCTION guard_sealed_of_account()', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['wraps', 'checkpoints'] LOOP
    EXECUTE format('CREATE TRIGGER guard_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS written
      FOR EACH STATEMENT EXECUTE FUNCTION guard_sealed_of_vault()', name);
    EXECUTE format('CREATE TRIGGER guard_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS written
      FOR EACH STATEMENT EXECUTE FUNCTION guard_sealed_of_vault()', name);
  END LOOP;
END $$;
`
