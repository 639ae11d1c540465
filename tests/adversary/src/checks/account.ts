import type { Removal } from '../harness/mutant.ts'

const PROFILE_KEYS = 'packages/client/src/session/profile-keys.ts'
const PINS = 'packages/client/src/session/pins.ts'
const AUDIT = 'packages/client/src/session/audit.ts'
const KEYRING = 'packages/crypto/src/keys/keyring.ts'

/** Checks of logins, sealed keys and what the device has pinned of an account. */
export const ACCOUNT_CHECKS = {
  'envelope version in its context': {
    file: 'packages/crypto/src/keys/account-key.ts',
    find: 'u64(place.version)',
    replace: 'u64(1)',
  },
  'keyring version in its context': { file: KEYRING, find: 'u64(place.version)', replace: 'u64(1)' },
  'keyring version inside': { file: KEYRING, find: 'keyring.version === place.version && ', replace: '' },
  'what an unopened seal means': { file: PROFILE_KEYS, find: ': integrityError(what, cause)', replace: ': cause' },
  'pinned keyring': { file: PINS, find: 'if (known.hash === keyring.hash) return false', replace: 'return false' },
  'keyring went back': { file: PINS, find: 'known !== undefined && known.version > keyring.version', replace: 'false' },
  'pinned key of the server': {
    file: PINS,
    find: `if (known !== undefined && known !== publicKey) throw integrityError("the server's public key has changed")`,
    replace: '',
  },
  "the server's proof": {
    file: 'packages/client/src/session/opaque-login.ts',
    find: "    'authentication',\n",
    replace: "    'server',\n",
  },
  'what a malformed key exchange means': {
    file: 'packages/client/src/session/opaque.ts',
    find: `return integrityError("the server's side of the key exchange", cause)`,
    replace: `return new ClientError('server', 'It failed.')`,
  },
  'hash of the audit log': {
    file: AUDIT,
    find: 'last === null || last.seq !== wanted.seq || !equalBytes(last.hash, wanted.hash)',
    replace: 'false',
  },
  'head of the audit log': [
    { file: AUDIT, find: 'if (head.seq < last.seq) throw auditRolledBack(hexHead(last), hexHead(head))', replace: '' },
    {
      file: AUDIT,
      find: 'if (previousHash === null || !equalBytes(previousHash, last.hash)) throw',
      replace: 'if (false) throw',
    },
    {
      file: AUDIT,
      find: 'if (last.seq !== page.head.seq || !equalBytes(last.hash, page.head.hash)) throw',
      replace: 'if (false) throw',
    },
  ],
  'protocol version': {
    file: 'packages/client/src/session/connect.ts',
    find: 'checkProtocol(info.protocolVersions)',
    replace: '',
  },
  'compiled-in parameters': {
    file: 'packages/client/src/session/opaque.ts',
    find: "{ 'argon2id-custom': { iterations: 3, memory: 65_536, parallelism: 4 } }",
    replace: "{ 'argon2id-custom': { iterations: 1, memory: 8, parallelism: 1 } }",
  },
  'times of the calendar': {
    file: 'apps/cli/src/times.ts',
    find: 'return Number.isNaN(date.getTime()) ? null : date.toISOString()',
    replace: 'return date.toISOString()',
  },
  'account of the session': {
    file: 'packages/client/src/session/strongroom.ts',
    find: "if (toHex(answer.accountId) !== identity.accountId) throw integrityError('the account of the session')",
    replace: '',
  },
} as const satisfies Record<string, Removal>
