/**
 * Writes spec/vectors/vault-checkpoint.json, on top of vault-genesis.json and vault-operations.json. The manifest's
 * salt and the change id are random, so that a new run gives other bytes. Run: npx tsx scripts/make-checkpoint-vectors.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import {
  asAccountId,
  asDeviceId,
  asVaultKey,
  type BlobId,
  fromHex,
  padObject,
  SecretBytes,
  seal,
  sealContext,
  toHex,
  u32,
  u64,
  vaultKeys,
} from '@strongroom/crypto'
import {
  applyCommit,
  applyDeltas,
  buildCommit,
  type CheckpointManifest,
  checkpointHash,
  cloneState,
  decodeState,
  emptyState,
  encodeChainState,
  encodeDelta,
  encodeManifest,
  encodeState,
  openManifest,
  readBody,
  sealManifest,
  stateHash,
  VaultError,
  type VaultState,
  verifyCommit,
} from '@strongroom/vault'
import { decode, encode } from 'cborg'
import { content, id } from '../packages/vault/src/testing/build.ts'
import { engine } from '../packages/vault/src/testing/vault.ts'

const folder = new URL('../spec/vectors/', import.meta.url)
const read = (name: string) => JSON.parse(readFileSync(new URL(`vault-${name}.json`, folder), 'utf8'))
const genesis = read('genesis')
const steps: { commit: string }[] = read('operations').steps
const secret = (hex: string) => SecretBytes.take(fromHex(hex))

const first = await verifyCommit({ hasher: engine, verifier: engine, state: null, bytes: fromHex(genesis.commit) })
const { vaultId } = await emptyState(engine, first.header.vaultId)
const { logKey, checkpointKey } = await vaultKeys(engine, asVaultKey(secret(genesis.vaultKey)), { vaultId, epoch: 1 })
const state = await emptyState(engine, vaultId)
let chain = first.next
const history: VaultState[] = []
for (const bytes of [genesis.commit, ...steps.map((step) => step.commit)].map(fromHex)) {
  const before = history.length === 0 ? null : chain
  const verified = await verifyCommit({ hasher: engine, verifier: engine, state: before, bytes })
  const operations = await readBody(engine, logKey, verified.header, verified.sealedBody)
  applyCommit(state, { ...verified, operations })
  chain = verified.next
  history.push(cloneState(state))
}

const at = (seq: number): VaultState => history[seq] ?? state
const base = encodeState(at(1))
const deltas = [encodeDelta(at(1), at(3)), encodeDelta(at(3), state)]
const manifest: CheckpointManifest = {
  seq: state.seq,
  commitHash: chain.head?.hash ?? new Uint8Array(32),
  epoch: 1,
  members: chain.members,
  base: content(100, { slot: 'base', size: base.length }),
  deltas: deltas.map((bytes, index) => content(101 + index, { slot: 'delta', size: bytes.length })),
  stateHash: await stateHash(engine, state),
}
const sealed = await sealManifest(engine, checkpointKey, vaultId, manifest)
const blobIds: BlobId[] = [manifest.base, ...manifest.deltas].map((record) => record.blobId)
const named = await buildCommit(engine, {
  state: chain,
  author: {
    accountId: asAccountId(fromHex(genesis.accountId)),
    deviceId: asDeviceId(fromHex(genesis.deviceId)),
    cardHash: fromHex(genesis.cardHash),
    seed: secret(genesis.ed25519Seed),
  },
  logKey,
  operations: [],
  references: { added: blobIds.map((blobId) => ({ blobId, count: 1, sourceVault: null })), released: [] },
  changeId: engine.randomBytes(16),
  timeMs: 1_700_000_001_000,
  checkpointHash: await checkpointHash(engine, sealed),
})
const after = cloneState(state)
applyCommit(after, { header: named.header, section: named.section, operations: [] })

const refused: { about: string; what: 'base' | 'deltas' | 'manifest'; code: string; bytes: string[] }[] = []

async function refuse(about: string, what: 'base' | 'deltas' | 'manifest', code: string, ...bytes: Uint8Array[]) {
  const [only = new Uint8Array(0)] = bytes
  const place = { vaultId, epoch: 1, seq: state.seq }
  const open = async (): Promise<unknown> => {
    if (what === 'base') return await decodeState(engine, only)
    if (what === 'deltas') return applyDeltas(at(1), bytes)
    return await openManifest(engine, checkpointKey, place, only)
  }
  const found = await open().then(
    () => 'accepted',
    (error: unknown) => (error instanceof VaultError ? error.code : String(error)),
  )
  if (found !== code) throw new Error(`${about}: ${found}`)
  refused.push({ about, what, code, bytes: bytes.map(toHex) })
}

type Items = (string | Uint8Array)[]
const change = (bytes: Uint8Array, index: number, by: (item: Uint8Array) => Uint8Array): Uint8Array => {
  const items = decode(bytes) as Items
  return encode(items.with(index, by(new Uint8Array(items[index] as Uint8Array))))
}
const flip = (place: number, mask: number) => (item: Uint8Array) =>
  item.map((byte, index) => (index === place ? byte ^ mask : byte))
const swap = (width: number) => (item: Uint8Array) =>
  new Uint8Array([...item.subarray(width, 2 * width), ...item.subarray(0, width), ...item.subarray(2 * width)])
const [one = new Uint8Array(0), two = new Uint8Array(0)] = deltas

await refuse('cut by a byte', 'base', 'state_invalid', base.subarray(0, base.length - 1))
await refuse('a later version', 'base', 'upgrade_required', encode((decode(base) as Items).with(0, 'SRS2')))
await refuse('a column too few', 'base', 'state_invalid', encode((decode(base) as Items).slice(0, -1)))
await refuse('node ids out of order', 'base', 'state_invalid', change(base, 2, swap(16)))
await refuse(
  'a node twice',
  'base',
  'state_invalid',
  change(base, 2, (item) => item.fill(7)),
)
await refuse('a parent that is no row', 'base', 'state_invalid', change(base, 3, flip(3, 0x80)))
await refuse(
  'a node that is its own parent',
  'base',
  'state_invalid',
  change(base, 3, (item) => flip(3, (item[3] ?? 0) ^ 2)(item)),
)
await refuse('a name with a slash', 'base', 'state_invalid', change(base, 5, flip(0, 0x61 ^ 0x2f)))
await refuse(
  'a name too few',
  'base',
  'state_invalid',
  change(base, 5, (item) => item.subarray(1)),
)
await refuse(
  'a change id twice',
  'base',
  'state_invalid',
  change(base, 29, (item) => item.fill(7)),
)
await refuse('in the wrong order', 'deltas', 'checkpoint_invalid', two, one)
await refuse('twice', 'deltas', 'checkpoint_invalid', one, one)
await refuse('the first left out', 'deltas', 'checkpoint_invalid', two)
await refuse('of another vault', 'deltas', 'checkpoint_invalid', change(one, 1, flip(0, 1)))
await refuse('a later version', 'deltas', 'upgrade_required', encode((decode(one) as Items).with(0, 'SRD2')))
await refuse(
  'removes what is not there',
  'deltas',
  'checkpoint_invalid',
  change(one, 2, () => id<BlobId>(99)),
)
await refuse('a parent that is not there', 'deltas', 'checkpoint_invalid', change(one, 4, flip(0, 0xff)))

const plain = encodeManifest(manifest)
const resealed = async (by: (items: unknown[]) => unknown[]) => {
  const context = sealContext('checkpoint', vaultId, u32(1), u64(state.seq))
  return await seal(engine, checkpointKey, context, padObject(encode(by(decode(plain) as unknown[]))))
}
await refuse(
  'another sequence number inside',
  'manifest',
  'checkpoint_invalid',
  await resealed((all) => all.with(1, 5)),
)
await refuse('another epoch inside', 'manifest', 'checkpoint_invalid', await resealed((all) => all.with(3, 2)))
await refuse('a later version', 'manifest', 'upgrade_required', await resealed((all) => all.with(0, 2)))
await refuse(
  'a base in slot delta',
  'manifest',
  'checkpoint_invalid',
  await resealed((all) => all.with(5, (all[6] as unknown[])[0])),
)
await refuse(
  'seventeen deltas',
  'manifest',
  'limits_exceeded',
  await resealed((all) =>
    all.with(
      6,
      Array.from({ length: 17 }, () => (all[6] as unknown[])[0]),
    ),
  ),
)

writeFileSync(
  new URL('vault-checkpoint.json', folder),
  `${JSON.stringify(
    {
      about:
        'A checkpoint of the vault of vault-genesis.json after the steps of vault-operations.json: a base after the first step, deltas to the third and to the last. Deltas that are refused are applied to the base.',
      base: toHex(base),
      deltas: deltas.map(toHex),
      state: toHex(encodeState(state)),
      stateHash: toHex(manifest.stateHash),
      seq: state.seq,
      epoch: 1,
      manifest: toHex(plain),
      paddedManifest: toHex(padObject(plain)),
      sealedManifest: toHex(sealed),
      checkpointHash: toHex(await checkpointHash(engine, sealed)),
      commit: toHex(named.bytes),
      commitHash: toHex(named.hash),
      chainState: toHex(encodeChainState(named.next)),
      stateAfter: toHex(encodeState(after)),
      refused,
    },
    null,
    1,
  )}\n`,
)
