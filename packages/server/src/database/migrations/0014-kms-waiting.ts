/** Days that the key service waits before it destroys a doomed key. */
export const KMS_WAITING = `
ALTER TABLE kms_keys ADD COLUMN waiting_days integer NOT NULL DEFAULT 7 CHECK (waiting_days BETWEEN 7 AND 30);
`
