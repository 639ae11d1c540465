/** Which device a session belongs to: a random id, named only in the account's private log. */
export const DEVICES = `
ALTER TABLE sessions ADD COLUMN device_id bytea CHECK (octet_length(device_id) = 16);
`
