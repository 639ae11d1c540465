/**
 * Every way in which a vault log's bytes can be wrong, one code per rule.
 * `spec/vault-log.md` §12 lists the same codes; a test compares the two.
 */
export const VAULT_ERRORS = {
  upgrade_required: 'A format, suite, flag or operation is newer than this client; upgrade it.',
  commit_malformed: 'The bytes do not have the layout of a commit.',
  limits_exceeded: 'A section, body, list or value is larger than the format allows.',
  section_mismatch: 'The section is not the one that the header names.',
  body_mismatch: 'The sealed body is not the one that the header names.',
  chain_broken: 'The commit does not follow the head: other vault, sequence number or previous hash.',
  genesis_invalid: 'The first commit breaks a rule of genesis commits.',
  section_invalid: 'The section is not canonical CBOR of the shape that the format wants.',
  flags_wrong: 'The flags do not say what the commit holds.',
  author_not_allowed: 'The author is no member, or may not make this kind of commit.',
  signature_invalid: 'The signature does not verify under the key that the members table holds for the author.',
  key_refused: 'A public key has small order.',
  epoch_wrong: "The commit's epoch is not the vault's, or its epoch change breaks a rule.",
  member_change_invalid: 'A change of the members table breaks a rule.',
  members_mismatch: 'The members table after the commit does not have the hash that the header names.',
  content_not_allowed: 'A commit that changes members, or names a checkpoint, holds operations or references.',
  checkpoint_invalid: 'A checkpoint is named by someone else than an owner, or its bytes break a rule.',
  body_invalid: 'The opened body is not canonical CBOR of the shape that the format wants.',
  operation_invalid: 'An operation given for encoding breaks a rule that needs no state.',
  name_invalid: 'A name is empty, too long, reserved, or holds characters that names may not have.',
  operations_do_not_apply: 'The operations do not apply to the state.',
  state_invalid: 'The bytes are not the canonical columns of a state.',
} as const

export type VaultErrorCode = keyof typeof VAULT_ERRORS

/** The only error that this package throws itself; tests and callers look at `code`, never at the text. */
export class VaultError extends Error {
  readonly code: VaultErrorCode
  /** Which operation or rule, for reports; never a name or content. */
  readonly reason: string | null

  constructor(code: VaultErrorCode, reason: string | null = null, options?: { cause?: unknown }) {
    super(reason === null ? VAULT_ERRORS[code] : `${VAULT_ERRORS[code]} (${reason})`, options)
    this.name = 'VaultError'
    this.code = code
    this.reason = reason
  }
}
