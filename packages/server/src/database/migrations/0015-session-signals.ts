/**
 * Tells every server, when the transaction commits, of accounts whose sessions ended or that were disabled: requests
 * that wait for something look at their session again. The message is `account-` and the id in hex.
 */
export const SESSION_SIGNALS = `
CREATE FUNCTION tell_of_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('strongroom_signals', 'account-' || encode(account_id, 'hex'))
    FROM (SELECT DISTINCT account_id FROM ended) AS accounts;
  RETURN NULL;
END $$;
CREATE TRIGGER tell_of_sessions AFTER DELETE ON sessions REFERENCING OLD TABLE AS ended
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_sessions();

CREATE FUNCTION tell_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('strongroom_signals', 'account-' || encode(NEW.id, 'hex'));
  RETURN NULL;
END $$;
CREATE TRIGGER tell_of_account AFTER UPDATE OF disabled_ms ON accounts
  FOR EACH ROW WHEN (OLD.disabled_ms IS DISTINCT FROM NEW.disabled_ms) EXECUTE FUNCTION tell_of_account();
`
