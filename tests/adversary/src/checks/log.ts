import type { Removal } from '../harness/mutant.ts'

const VERIFY = 'packages/vault/src/header/verify-commit.ts'
const HEADER = 'packages/vault/src/header/commit-header.ts'
const APPLY = 'packages/vault/src/state/apply-commit.ts'
const GUARD = 'packages/client/src/vault-log/head-guard.ts'
const LOG = 'packages/client/src/vault-log/log.ts'
const STATE = 'packages/client/src/session/state.ts'
const RESTORE = 'packages/client/src/restore/restore-server.ts'
const APPEND = 'packages/client/src/vault-log/append.ts'
const TURNS = 'packages/client/src/vault-log/turns.ts'

/** Takes a commit apart and believes it. */
const BELIEVE = `{
  const section = decodeSection(parts.sectionBytes)
  const members = changedMembers(state?.members ?? [], section.members)
  const head = { seq: header.seq, hash: await commitHash(hasher, parts.headerBytes) }
  const next = { vaultId: header.vaultId, head, epoch: header.epoch, members }
  return { header, hash: head.hash, section, sealedBody: parts.sealedBody, next }
}`

/** Checks of the vault's log: each commit, the chain, and what the device has seen before. */
export const LOG_CHECKS = {
  'magic of a commit': {
    file: HEADER,
    find: 'bytes[0] !== 0x53 || bytes[1] !== 0x52 || bytes[2] !== 0x43',
    replace: 'false',
  },
  'version of a commit': { file: HEADER, find: 'bytes[3] !== 0x31 || bytes[4] !== SUITE_ED25519', replace: 'false' },
  'lengths in a header': {
    file: HEADER,
    find: 'sectionLength > MAX_SECTION_LENGTH || bodyLength > MAX_BODY_LENGTH',
    replace: 'false',
  },
  'length of a commit': {
    file: HEADER,
    find: 'bytes.length !== bodyStart + header.bodyLength',
    replace: 'false',
  },
  'version of a body': { file: VERIFY, find: 'checkBody(parts.sealedBody)', replace: '' },
  'largest number': {
    file: 'packages/protocol/src/bytes.ts',
    find: 'z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)',
    replace: 'z.number()',
  },
  'commit signature': {
    file: VERIFY,
    find: '!(await verifier.ed25519Verify(author.publicKey, message, parts.signature))',
    replace: 'false',
  },
  'author is a member': {
    file: VERIFY,
    find: 'const author = findMember(state.members, header.accountId)',
    replace: 'const author = findMember(state.members, header.accountId) ?? state.members[0] ?? null',
  },
  'card of the author': { file: VERIFY, find: '!equalBytes(author.cardHash, header.cardHash)', replace: 'false' },
  'vault of the chain': { file: VERIFY, find: '!equalBytes(header.vaultId, state.vaultId)', replace: 'false' },
  'section hash': { file: VERIFY, find: '!equalBytes(sectionHash, parts.header.sectionHash)', replace: 'false' },
  'body hash': { file: VERIFY, find: '!equalBytes(bodyHash, parts.header.bodyHash)', replace: 'false' },
  'sequence number': { file: VERIFY, find: 'header.seq !== state.head.seq + 1', replace: 'false' },
  'previous hash': { file: VERIFY, find: '!equalBytes(header.prev, state.head.hash)', replace: 'false' },
  /** Everything that is verified of a commit without keys. */
  'all of a commit': { file: VERIFY, find: 'await checkParts(hasher, parts)', replace: BELIEVE },
  'state sequence': { file: APPLY, find: 'header.seq !== state.seq + 1', replace: 'false' },
  'vault of the state': {
    file: APPLY,
    find: 'compareBytes(header.vaultId, state.vaultId) !== 0',
    replace: 'false',
  },
  'previous hash before the rest': {
    file: LOG,
    find: 'if (header.seq !== own.seq + 1 || equalBytes(header.prev, own.hash)) return',
    replace: 'return',
  },
  'what the keyring says of the log': [
    { file: LOG, find: 'if (seq === 0 && !equalBytes(hash, keyring.genesisHash)) throw forked()', replace: '' },
    { file: LOG, find: 'if (seq === keyring.anchor.seq) {', replace: 'if (false) {' },
  ],
  'key of an epoch': {
    file: LOG,
    find: 'if (section.epochChange !== null) await stopping(() => epochs.learn(next.epoch, section))',
    replace: '',
  },
  'vault of a commit': {
    file: LOG,
    find: "if (!equalBytes(verified.header.vaultId, vaultId)) throw integrityError('the vault of a commit')",
    replace: '',
  },
  'commits up to the head': {
    file: LOG,
    find: 'if (answer.commits.length === 0) needNewer(answer.head)',
    replace: 'if (answer.commits.length === 0) break',
  },
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
  'chain behind a state code': [
    { file: STATE, find: 'if (!follows) throw forked()', replace: '' },
    {
      file: STATE,
      find: 'if (wanted === null || previous === null || toHex(previous) !== head.hash) throw forked()',
      replace: 'if (wanted === null) throw forked()',
    },
  ],
  'head that the changes of this device follow': [
    {
      file: RESTORE,
      find: 'if (shown.seq === pin.seq && toHex(shown.hash) !== pin.hash) throw forked(pin, hexHead(shown))',
      replace: '',
    },
    { file: RESTORE, find: 'first !== undefined && !equalBytes(first.header.prev, shown.hash)', replace: 'false' },
  ],
  'a pause before waiting again': {
    file: 'packages/client/src/drive/changes.ts',
    find: 'if (idle) await context.platform.clock.sleep(',
    replace: 'void (',
  },
  'head after a commit': {
    file: APPEND,
    find: 'if (head.seq !== built.header.seq || !equalBytes(head.hash, built.hash)) throw forked()',
    replace: '',
  },
  'an end to rebasing': { file: APPEND, find: 'if (news === 0) {', replace: 'if (false) {' },
  'a pause before rebasing': {
    file: TURNS,
    find: 'await clock.sleep(share({ engine }) * LOST_MS * Math.min(attempt, MOST_TIMES), signal)',
    replace: '',
  },
  'only a moved head is rebased on': {
    file: APPEND,
    find: "if (apiCode(error) === 'head_moved') return false",
    replace: 'return false',
  },
} as const satisfies Record<string, Removal>
