/**
 * Writes spec/vectors/vault-*.json. Salts and HPKE encapsulations are random, so that a new run gives other bytes;
 * the old ones stay valid. Run: npx tsx scripts/make-vault-vectors.ts
 */
import { writeFileSync } from 'node:fs'
import {
  generateVaultKey,
  hpkeSealVaultKey,
  type NodeId,
  padObject,
  SecretBytes,
  sealPreviousVaultKey,
  toHex,
  type VersionId,
  vaultKeyCommitment,
  vaultKeys,
  xwingPublicKey,
} from '@strongroom/crypto'
import {
  applyCommit,
  buildCommit,
  type ChainState,
  createGenesis,
  emptyState,
  encodeBody,
  encodeChainState,
  encodeState,
  type Operation,
  readBody,
  references,
  type Section,
  splitCommit,
  stateHash,
  verifyCommit,
} from '@strongroom/vault'
import { content, id } from '../packages/vault/src/testing/build.ts'
import { change, engine, forge, type Person, person, type TestVault } from '../packages/vault/src/testing/vault.ts'

const folder = new URL('../spec/vectors/', import.meta.url)

function write(name: string, value: unknown): void {
  writeFileSync(new URL(`vault-${name}.json`, folder), `${JSON.stringify(value, null, 1)}\n`)
}

function hexOf(secret: SecretBytes): string {
  return secret.use((bytes) => toHex(bytes))
}

const founder = await person(1)
const xwingSeed = SecretBytes.copyOf(new Uint8Array(32).fill(0x51))
const vaultKey = generateVaultKey(engine)
const founderXwing = await xwingPublicKey(xwingSeed)
const genesis = await createGenesis(engine, {
  ...founder,
  seeds: { ed25519: founder.seed },
  vaultKey,
  wrapVaultKey: (vaultId) =>
    hpkeSealVaultKey(founderXwing, { vaultId, epoch: 1, accountId: founder.accountId }, vaultKey),
  timeMs: 1_700_000_000_000,
})
const { vaultId } = genesis
const { logKey } = await vaultKeys(engine, vaultKey, { vaultId, epoch: 1 })
const vault: TestVault = { founder, genesis, vaultId, vaultKey, logKey }
const state = await emptyState(engine, vaultId)
const { rootId, recoveredId } = state

write('genesis', {
  about: 'The first commit of a vault. All byte strings are hexadecimal.',
  accountId: toHex(founder.accountId),
  deviceId: toHex(founder.deviceId),
  cardHash: toHex(founder.cardHash),
  ed25519Seed: hexOf(founder.seed),
  xwingSeed: hexOf(xwingSeed),
  vaultKey: hexOf(vaultKey),
  random: toHex(genesis.section.genesis?.random ?? new Uint8Array(0)),
  vaultId: toHex(vaultId),
  rootId: toHex(rootId),
  recoveredId: toHex(recoveredId),
  membersHash: toHex(genesis.header.membersHash),
  commit: toHex(genesis.bytes),
  commitHash: toHex(genesis.hash),
  chainState: toHex(encodeChainState(genesis.next)),
})

const none = { added: [], released: [] }
applyCommit(state, { header: genesis.header, section: genesis.section, operations: [] })
const steps: unknown[] = []
let chain: ChainState = genesis.next

async function step(about: string, operations: Operation[], refs?: Pick<Section, 'added' | 'released'>): Promise<void> {
  const built = await buildCommit(engine, {
    state: chain,
    author: founder,
    logKey,
    operations,
    references: refs ?? references(operations, state),
    changeId: engine.randomBytes(16),
    timeMs: 1_700_000_000_000 + (chain.head?.seq ?? 0),
  })
  const { sealedBody } = splitCommit(built.bytes)
  if ((await readBody(engine, logKey, built.header, sealedBody)) === null) throw new Error('the body does not open')
  const result = applyCommit(state, { header: built.header, section: built.section, operations })
  chain = built.next
  steps.push({
    about,
    commit: toHex(built.bytes),
    commitHash: toHex(built.hash),
    body: toHex(encodeBody(operations)),
    paddedBody: toHex(padObject(encodeBody(operations))),
    skipped: result.applied ? null : result.reason,
    state: toHex(encodeState(state)),
    stateHash: toHex(await stateHash(engine, state)),
  })
}

const node = { a: id<NodeId>(1, 1), b: id<NodeId>(2, 1), file: id<NodeId>(3, 1) }
const first = { nodeId: node.file, versionId: id<VersionId>(1, 2) }
const second = { nodeId: node.file, versionId: id<VersionId>(2, 2) }

await step('folders, a file with two versions, a link, a kind of a later version', [
  { op: 'create', nodeId: node.a, parentId: rootId, name: 'a', kind: 'folder' },
  { op: 'create', nodeId: node.b, parentId: node.a, name: 'Größe \u{1F600}', kind: 'folder' },
  { op: 'create', nodeId: node.file, parentId: node.b, name: 'file.txt', kind: 'file' },
  { op: 'addVersion', ...first, baseVersionId: null, contents: [content(1)], mtimeMs: -1, mode: null },
  { op: 'addVersion', ...second, baseVersionId: first.versionId, contents: [content(2)], mtimeMs: 2, mode: 0o644 },
  { op: 'create', nodeId: id(4, 1), parentId: node.a, name: 'link', kind: 'symlink', target: '../x' },
  { op: 'create', nodeId: id(5, 1), parentId: rootId, name: 'later', kind: 'unknown', code: 9, data: Uint8Array.of(1) },
])
await step('move, trash, attach, replace, record', [
  { op: 'move', nodeId: node.b, fromParentId: node.a, fromName: 'Größe \u{1F600}', toParentId: rootId, toName: 'b' },
  { op: 'trash', nodeId: id(4, 1) },
  { op: 'attach', ...second, content: content(3, { slot: 'thumbnail', size: 0 }) },
  { op: 'replace', ...second, slot: 'main', oldBlobId: content(2).blobId, content: content(4) },
  { op: 'record', type: 'device-name', key: founder.deviceId, value: Uint8Array.of(0x61) },
])
await step(
  'two nodes may not have one name: skipped',
  [{ op: 'create', nodeId: id(6, 1), parentId: rootId, name: 'a', kind: 'folder' }],
  none,
)
await step(
  'references that the operations do not have: skipped, and owed',
  [{ op: 'create', nodeId: id(7, 1), parentId: rootId, name: 'c', kind: 'folder' }],
  { added: [{ blobId: content(5).blobId, count: 2, sourceVault: null }], released: [] },
)
await step('a commit that takes them back', [], { added: [], released: [{ blobId: content(5).blobId, count: 2 }] })
await step('purge without the second version, which is recovered; a node below what is gone is too', [
  { op: 'purge', nodeIds: [node.file, node.b], versionIds: [first] },
  { op: 'create', nodeId: id(8, 1), parentId: node.b, name: 'file.txt', kind: 'folder' },
  { op: 'restore', nodeId: id(4, 1), parentId: node.a, name: 'link' },
])
write('operations', {
  about: 'Commits on top of vault-genesis.json, with the state after each.',
  steps,
})

const writer = await person(2)
const writerXwingSeed = SecretBytes.copyOf(new Uint8Array(32).fill(0x52))
const writerXwing = await xwingPublicKey(writerXwingSeed)
const nextKey = generateVaultKey(engine)
const wrapFor = (who: Person, key: Uint8Array, epoch: number) =>
  hpkeSealVaultKey(key, { vaultId, epoch, accountId: who.accountId }, epoch === 1 ? vaultKey : nextKey)
const membership: unknown[] = []

async function memberStep(about: string, author: Person, section: Partial<Section>): Promise<void> {
  const bytes = await forge({ vault, state: chain, author, section })
  const { next, hash } = await verifyCommit({ hasher: engine, verifier: engine, state: chain, bytes })
  chain = next
  membership.push({ about, commit: toHex(bytes), commitHash: toHex(hash), chainState: toHex(encodeChainState(next)) })
}

const before = chain
await memberStep('the owner invites a writer', founder, {
  members: [change(writer, 'writer', 'invited', { wrap: await wrapFor(writer, writerXwing, 1) })],
})
await memberStep('the writer accepts', writer, { members: [change(writer, 'writer', 'active')] })
await memberStep('the owner starts an epoch with the writer', founder, {
  epochChange: {
    keyCommitment: await vaultKeyCommitment(engine, nextKey, { vaultId, epoch: 2 }),
    sealedPreviousKey: await sealPreviousVaultKey(engine, nextKey, { vaultId, epoch: 2 }, vaultKey),
    wraps: [
      { accountId: founder.accountId, wrap: await wrapFor(founder, founderXwing, 2) },
      { accountId: writer.accountId, wrap: await wrapFor(writer, writerXwing, 2) },
    ],
  },
})
write('members', {
  about: 'Membership and epoch commits on top of vault-operations.json.',
  writerEd25519Seed: hexOf(writer.seed),
  writerXwingSeed: hexOf(writerXwingSeed),
  nextVaultKey: hexOf(nextKey),
  chainState: toHex(encodeChainState(before)),
  steps: membership,
})

const malformed: { about: string; code: string; chainState: string | null; commit: string }[] = []
const good = await forge({ vault, state: genesis.next, author: founder })

function refuse(about: string, code: string, bytes: Uint8Array, at: ChainState | null = genesis.next): void {
  const chainState = at === null ? null : toHex(encodeChainState(at))
  malformed.push({ about, code, chainState, commit: toHex(bytes) })
}

const flip = (at: number, mask: number): Uint8Array => good.map((byte, index) => (index === at ? byte ^ mask : byte))
const forged = (more: Partial<Parameters<typeof forge>[0]>) =>
  forge({ vault, state: genesis.next, author: founder, ...more })
const smallOrder = new Uint8Array(32)
smallOrder[0] = 1
const invited = (more: object) => ({ members: [change(writer, 'writer', 'invited', more)] })
const wrap = await wrapFor(writer, writerXwing, 1)

refuse('cut by a byte', 'commit_malformed', good.subarray(0, good.length - 1))
refuse('a byte too long', 'commit_malformed', new Uint8Array([...good, 0]))
refuse('another magic', 'commit_malformed', flip(0, 1))
refuse('a later version', 'upgrade_required', flip(3, 3))
refuse('a later suite', 'upgrade_required', flip(4, 3))
refuse('an unknown flag', 'upgrade_required', flip(5, 4))
refuse('reserved bytes that are not zero', 'commit_malformed', flip(6, 1))
refuse('a section too long', 'limits_exceeded', flip(172, 1))
refuse('another section', 'section_mismatch', flip(276 + 64 + 3, 1))
refuse('another body', 'body_mismatch', flip(good.length - 1, 1))
refuse('another vault', 'chain_broken', flip(8, 1))
refuse('another sequence number', 'chain_broken', flip(31, 1))
refuse('another previous hash', 'chain_broken', flip(32, 1))
refuse('no genesis', 'chain_broken', good, null)
refuse('a foreign author', 'author_not_allowed', flip(68, 1))
refuse('another card', 'author_not_allowed', flip(100, 1))
refuse('another device, not signed', 'signature_invalid', flip(84, 1))
refuse('a changed signature', 'signature_invalid', flip(276, 1))
refuse('another epoch', 'epoch_wrong', await forged({ header: { epoch: 2 } }))
refuse('a flag without its section', 'flags_wrong', await forged({ header: { membership: true } }))
refuse('another members hash', 'members_mismatch', await forged({ header: { membersHash: new Uint8Array(32) } }))
refuse('a section that is a map', 'section_invalid', await forged({ sectionBytes: Uint8Array.of(0xa0) }))
refuse(
  'a section of indefinite length',
  'section_invalid',
  await forged({ sectionBytes: Uint8Array.of(0x9f, 1, 0xff) }),
)
refuse(
  'a head that is not the shortest',
  'section_invalid',
  await forged({ sectionBytes: Uint8Array.of(0x81, 0x18, 1) }),
)
refuse('a later section', 'upgrade_required', await forged({ sectionBytes: Uint8Array.of(0x81, 2) }))
refuse('a key of small order', 'key_refused', await forged({ section: invited({ wrap, publicKey: smallOrder }) }))
refuse('a member added without a wrap', 'member_change_invalid', await forged({ section: invited({}) }))
refuse(
  'a member added as active',
  'member_change_invalid',
  await forged({ section: invited({ wrap, state: 'active' }) }),
)
refuse(
  'the last owner leaves',
  'member_change_invalid',
  await forged({
    section: { members: [change(founder, 'owner', 'removed')] },
  }),
)
refuse('a second genesis', 'genesis_invalid', await forged({ section: { genesis: genesis.section.genesis } }))
write('malformed', {
  about: 'Commits that verification refuses, with the code; chainState null means that a genesis is expected.',
  commits: malformed,
})
