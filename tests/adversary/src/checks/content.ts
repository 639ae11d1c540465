import type { Removal } from '../harness/mutant.ts'

const OPEN = 'packages/client/src/download/open.ts'
const STORE = 'packages/client/src/transport/store.ts'

/** Checks of what a file consists of: blob, digests, keys. */
export const CONTENT_CHECKS = {
  'part digest': {
    file: 'packages/client/src/content/inline.ts',
    find: "if (!equalBytes(await engine.sha256(ciphertext), sha256)) throw integrityError('a part of a file')",
    replace: '',
  },
  'digest of a verified part': {
    file: 'packages/client/src/verify/verify-blob.ts',
    find: 'const right = equalBytes(await engine.sha256(bytes), digestOf(index))',
    replace: 'const right = true',
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
  'shape of a part': {
    file: 'packages/crypto/src/content/content.ts',
    find: 'length < 0 || plainSegments(firstSegment, length, final) !== count',
    replace: 'false',
  },
  'room for a part': {
    file: 'packages/crypto/src/content/content.ts',
    find: "if (output.length < length) throw new CryptoError('size_out_of_range')",
    replace: 'if (output.length < length) return new Uint8Array(length)',
  },
  'digest list root': {
    file: OPEN,
    find: "if (!equalBytes(root, record.partsRoot)) throw integrityError('the digest list of a blob')",
    replace: '',
  },
  'blob length': { file: OPEN, find: 'blob.blobLength !== blobLength', replace: 'false' },
  'number of digests': { file: OPEN, find: 'blob.digests.length !== layout.partCount * 32', replace: 'false' },
  'what a missing blob means': {
    file: 'packages/client/src/drive/context.ts',
    find: "if (isNamed) throw integrityError('a stored file, which the server says it does not have', error)",
    replace: '',
  },
  'a blob for each that was asked for': {
    file: OPEN,
    find: "if (blob === undefined) throw integrityError('a blob that the server left out')",
    replace: "if (blob === undefined) throw new Error('it failed')",
  },
  'largest blob': {
    file: 'packages/protocol/src/routes/blobs.ts',
    find: 'const blobLength = safeInteger.max(LIMITS.blobBytes)',
    replace: 'const blobLength = safeInteger',
  },
  'longest byte strings': { file: 'packages/protocol/src/bytes.ts', find: '.max(base64Length(max))', replace: '' },
  'what a missing key means': {
    file: OPEN,
    find: "throw integrityError('the key of a file', failure)",
    replace: "throw new Error('it failed')",
  },
  'epoch of a wrapped key': {
    file: 'packages/client/src/vault-log/log.ts',
    find: "if (chain === null || epoch > chain.epoch) throw integrityError('the epoch of a wrapped key')",
    replace: '',
  },
  'start of an epoch': {
    file: 'packages/client/src/vault-log/epochs.ts',
    find: "if (commit === undefined) throw integrityError('the start of an epoch, which the server keeps back')",
    replace: "if (commit === undefined) throw new Error('it failed')",
  },
  'AES-GCM tag': { file: 'packages/crypto/src/engines/node.ts', find: 'decipher.final()', replace: '' },
  'seal commitment': {
    file: 'packages/crypto/src/seal.ts',
    find: '!equalBytes(commitment, sealed.subarray(1 + SEAL_SALT_LENGTH, SEAL_HEADER_LENGTH))',
    replace: 'false',
  },
  'seal version': {
    file: 'packages/crypto/src/sealed-layout.ts',
    find: "if (sealed[0] !== LABEL_VERSION) throw new CryptoError('upgrade_required')",
    replace: '',
  },
  'content header tag': {
    file: 'packages/crypto/src/content/floe.ts',
    find: '!equalBytes(keys.header, header)',
    replace: 'false',
  },
  'answer length': { file: STORE, find: 'if (bytes.length !== length) throw wrongLength()', replace: '' },
  'longest answer of the store': {
    file: STORE,
    find: 'response.bytes(length, into)',
    replace: 'response.bytes(length + 64)',
  },
  'object length': {
    file: STORE,
    find: 'if (stated !== undefined && Number(stated) !== total) throw wrongLength()',
    replace: '',
  },
  'what a missing object means': {
    file: STORE,
    find: "if ([404, 410, 416].includes(status)) throw integrityError('a stored object')",
    replace: '',
  },
  'damage told by the server': {
    file: 'packages/client/src/transport/api.ts',
    find: "stored_data_damaged: 'integrity',",
    replace: '',
  },
  'damage told by the store': {
    file: STORE,
    find: "if (code === 'stored_data_damaged') throw integrityError('a stored object')",
    replace: "if (code === 'stored_data_damaged') throw new ClientError('server', 'It failed.')",
  },
} as const satisfies Record<string, Removal>
