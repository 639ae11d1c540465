/** Events of the audit log, in words; `spec/audit.md` says when each is written. */
export const AUDIT_WORDS: Readonly<Record<string, string>> = {
  registered: 'account made',
  signed_in: 'signed in',
  sign_in_failed: 'sign-in failed, or was begun and not finished',
  second_factor_failed: 'wrong code of the second factor, password or recovery key right',
  device_named: 'device told its name',
  signed_out: 'signed out',
  session_revoked: 'session ended from another device',
  sessions_revoked: 'all other sessions ended',
  password_changed: 'password changed',
  login_changed: 'login name changed',
  recovery_used: 'signed in with the recovery key; password and recovery key replaced',
  recovery_failed: 'wrong recovery key',
  recovery_key_replaced: 'recovery key replaced',
  recovery_key_tested: 'recovery key tested',
  second_factor_enabled: 'second factor switched on',
  second_factor_disabled: 'second factor switched off',
  backup_code_used: 'backup code used',
  backup_codes_replaced: 'backup codes replaced',
  keyring_replaced: 'keyring replaced',
  account_key_rotated: 'account key replaced',
  card_replaced: 'identity keys replaced',
  epoch_started: 'vault key replaced',
  keys_released: 'keys handed out: device used again, or recovery key shown',
  outer_key_rotated: "server's key of the account replaced by the operator",
  kms_key_rotated: "server's key moved to another key of the key service",
  quota_changed: 'quota changed by the operator',
  disabled: 'account disabled by the operator',
  enabled: 'account enabled by the operator',
  disclosed: 'stored data of the account disclosed by the operator',
  server_restored: 'changes given back to a server that was set back',
}

/** An event for people; codes of newer servers stay as they are. */
export function auditWords(event: string): string {
  return (Object.hasOwn(AUDIT_WORDS, event) ? AUDIT_WORDS[event] : undefined) ?? event
}
