/** Finds the few commits that change members or start an epoch: bit 0 of byte 5 of their headers. */
export const MEMBERSHIP = `
CREATE INDEX commits_membership ON commits (vault_id, seq) WHERE get_byte(bytes, 5) & 1 = 1;
`
