import type { Mutation } from '../harness/mutant.ts'

const OPEN = 'packages/client/src/download/open.ts'
const VERIFY = 'packages/vault/src/header/verify-commit.ts'
const GUARD = 'packages/client/src/vault-log/head-guard.ts'

/** Every check of the client that an attack here runs into, as the piece of source text that makes it. */
export const CHECKS = {
  'part digest': {
    file: 'packages/client/src/content/inline.ts',
    find: "if (!equalBytes(await engine.sha256(ciphertext), sha256)) throw integrityError('a part of a file')",
    replace: '',
  },
  padding: {
    file: 'packages/client/src/content/inline.ts',
    find: "if (plaintext[index] !== 0) throw integrityError('the padding of a file')",
    replace: '',
  },
  'segment length word': {
    file: 'packages/crypto/src/content/floe.ts',
    find: '!equalBytes(stored.subarray(0, 4), u32(final ? stored.length : NOT_FINAL))',
    replace: 'false',
  },
  'answer length': {
    file: 'packages/client/src/transport/store.ts',
    find: 'if (bytes.length !== length) throw wrongLength()',
    replace: '',
  },
  'state sequence': {
    file: 'packages/vault/src/state/apply-commit.ts',
    find: 'header.seq !== state.seq + 1 || ',
    replace: '',
  },
  'digest list root': {
    file: OPEN,
    find: "if (!equalBytes(root, record.partsRoot)) throw integrityError('the digest list of a blob')",
    replace: '',
  },
  'blob length': { file: OPEN, find: 'blob.blobLength !== blobLength || ', replace: '' },
  'commit signature': {
    file: VERIFY,
    find: '!(await verifier.ed25519Verify(author.publicKey, message, parts.signature))',
    replace: 'false',
  },
  'section hash': { file: VERIFY, find: '!equalBytes(sectionHash, parts.header.sectionHash)', replace: 'false' },
  'body hash': { file: VERIFY, find: '!equalBytes(bodyHash, parts.header.bodyHash)', replace: 'false' },
  'sequence number': { file: VERIFY, find: 'header.seq !== state.head.seq + 1', replace: 'false' },
  'previous hash': { file: VERIFY, find: '!equalBytes(header.prev, state.head.hash)', replace: 'false' },
  'head went back': {
    file: GUARD,
    find: 'if (shown.seq < known.seq) throw rolledBack(known, hexHead(shown))',
    replace: '',
  },
  'head hash': {
    file: GUARD,
    find: 'if (toHex(shown.hash) !== toHex(own.hash)) throw forked(hexHead(own), hexHead(shown))',
    replace: '',
  },
  'pinned head': {
    file: GUARD,
    find: 'if (pin !== undefined && seq === pin.seq && hash !== pin.hash) throw forked(pin, { seq, hash })',
    replace: '',
  },
  'AES-GCM tag': { file: 'packages/crypto/src/engines/node.ts', find: 'decipher.final()', replace: '' },
  'seal commitment': {
    file: 'packages/crypto/src/seal.ts',
    find: '!equalBytes(commitment, sealed.subarray(1 + SEAL_SALT_LENGTH, SEAL_HEADER_LENGTH))',
    replace: 'false',
  },
  'content header tag': {
    file: 'packages/crypto/src/content/floe.ts',
    find: '!equalBytes(keys.header, header)',
    replace: 'false',
  },
  'envelope version in its context': {
    file: 'packages/crypto/src/keys/account-key.ts',
    find: 'u64(place.version)',
    replace: 'u64(1)',
  },
  'keyring version in its context': {
    file: 'packages/crypto/src/keys/keyring.ts',
    find: 'u64(place.version)',
    replace: 'u64(1)',
  },
  'keyring version inside': {
    file: 'packages/crypto/src/keys/keyring.ts',
    find: 'keyring.version === place.version && ',
    replace: '',
  },
  'what an unopened seal means': {
    file: 'packages/client/src/session/profile-keys.ts',
    find: ': integrityError(what, cause)',
    replace: ': cause',
  },
  'damage told by the server': {
    file: 'packages/client/src/transport/api.ts',
    find: "stored_data_damaged: 'integrity',",
    replace: '',
  },
  'damage told by the store': {
    file: 'packages/client/src/transport/store.ts',
    find: "if (errorCode(body) === 'stored_data_damaged') throw integrityError('a stored object')",
    replace: "if (errorCode(body) === 'stored_data_damaged') throw new ClientError('server', 'It failed.')",
  },
  'object length': {
    file: 'packages/client/src/transport/store.ts',
    find: 'if (stated !== undefined && Number(stated) !== total) throw wrongLength()',
    replace: '',
  },
} as const satisfies Record<string, Mutation>

export type Check = keyof typeof CHECKS
