/**
 * `confirmed_ms`: when an owner confirmed that this wrap holds the right key. After the grace the older wraps of its blob
 * are removed, and the column is emptied again.
 */
export const OLD_WRAPS = `
ALTER TABLE wraps ADD COLUMN confirmed_ms bigint;
CREATE INDEX wraps_confirmed ON wraps (confirmed_ms) WHERE confirmed_ms IS NOT NULL;
`
