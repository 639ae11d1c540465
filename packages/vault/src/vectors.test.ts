import { readFileSync } from 'node:fs'
import {
  asAccountId,
  asVaultId,
  asVaultKey,
  checkVaultKeyCommitment,
  fromHex,
  hpkeOpenVaultKey,
  openPreviousVaultKey,
  SecretBytes,
  toHex,
  type VaultKey,
  vaultKeys,
} from '@strongroom/crypto'
import { expect, test } from 'vitest'
import {
  applyCommit,
  applyDeltas,
  checkpointHash,
  decodeChainState,
  decodeState,
  emptyState,
  encodeBody,
  encodeChainState,
  encodeDelta,
  encodeManifest,
  encodeState,
  membersHash,
  openCheckpointState,
  openManifest,
  readBody,
  stateHash,
} from './index.ts'
import { engine, verify } from './testing/vault.ts'

interface Genesis {
  accountId: string
  xwingSeed: string
  vaultKey: string
  vaultId: string
  rootId: string
  recoveredId: string
  membersHash: string
  commit: string
  commitHash: string
  chainState: string
}

interface Step {
  about: string
  commit: string
  commitHash: string
  body: string
  skipped: string | null
  state: string
  stateHash: string
}

interface Members {
  writerXwingSeed: string
  nextVaultKey: string
  chainState: string
  steps: { commit: string; commitHash: string; chainState: string }[]
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../spec/vectors/vault-${name}.json`, import.meta.url), 'utf8')) as T
}

function secret(hex: string): SecretBytes {
  return SecretBytes.take(fromHex(hex))
}

const keyHex = (key: VaultKey): string => key.use((bytes) => toHex(bytes))

test('genesis gives the ids, hashes and keys of the vector', async () => {
  const vector = read<Genesis>('genesis')
  const { header, hash, section, next } = await verify(null, fromHex(vector.commit))
  const state = await emptyState(engine, header.vaultId)
  expect({
    vaultId: toHex(header.vaultId),
    rootId: toHex(state.rootId),
    recoveredId: toHex(state.recoveredId),
    membersHash: toHex(await membersHash(engine, next.members)),
    commitHash: toHex(hash),
    chainState: toHex(encodeChainState(next)),
  }).toEqual({
    vaultId: vector.vaultId,
    rootId: vector.rootId,
    recoveredId: vector.recoveredId,
    membersHash: vector.membersHash,
    commitHash: vector.commitHash,
    chainState: vector.chainState,
  })
  const epoch = { vaultId: asVaultId(header.vaultId), epoch: 1 }
  const wrap = section.epochChange?.wraps[0]?.wrap ?? new Uint8Array(0)
  const recipient = { ...epoch, accountId: asAccountId(fromHex(vector.accountId)) }
  const key = await hpkeOpenVaultKey(secret(vector.xwingSeed), recipient, wrap)
  expect(keyHex(key)).toBe(vector.vaultKey)
  await checkVaultKeyCommitment(engine, key, epoch, section.epochChange?.keyCommitment ?? new Uint8Array(0))
})

test('operations add up to the states of the vector', async () => {
  const genesis = read<Genesis>('genesis')
  const first = await verify(null, fromHex(genesis.commit))
  const vaultId = asVaultId(first.header.vaultId)
  const { logKey } = await vaultKeys(engine, asVaultKey(secret(genesis.vaultKey)), { vaultId, epoch: 1 })
  const state = await emptyState(engine, vaultId)
  applyCommit(state, { ...first, operations: await readBody(engine, logKey, first.header, first.sealedBody) })
  let chain = first.next
  for (const step of read<{ steps: Step[] }>('operations').steps) {
    const verified = await verify(chain, fromHex(step.commit))
    chain = verified.next
    expect(toHex(verified.hash)).toBe(step.commitHash)
    const operations = await readBody(engine, logKey, verified.header, verified.sealedBody)
    expect(toHex(encodeBody(operations ?? [])), step.about).toBe(step.body)
    const result = applyCommit(state, { ...verified, operations })
    expect(result.applied ? null : result.reason, step.about).toBe(step.skipped)
    expect(toHex(encodeState(state)), step.about).toBe(step.state)
    expect(toHex(await stateHash(engine, await decodeState(engine, fromHex(step.state))))).toBe(step.stateHash)
  }
})

test('members and epochs follow the vector', async () => {
  const vector = read<Members>('members')
  let chain = decodeChainState(fromHex(vector.chainState))
  const vaultId = asVaultId(chain.vaultId)
  for (const step of vector.steps) {
    const { hash, next, section } = await verify(chain, fromHex(step.commit))
    chain = next
    expect(toHex(hash)).toBe(step.commitHash)
    expect(toHex(encodeChainState(next))).toBe(step.chainState)
    if (section.epochChange === null) continue
    const [, entry] = section.epochChange.wraps
    const recipient = { vaultId, epoch: next.epoch, accountId: asAccountId(entry?.accountId ?? new Uint8Array(0)) }
    const key = await hpkeOpenVaultKey(secret(vector.writerXwingSeed), recipient, entry?.wrap ?? new Uint8Array(0))
    expect(keyHex(key)).toBe(vector.nextVaultKey)
    const epoch = { vaultId, epoch: next.epoch }
    const sealed = section.epochChange.sealedPreviousKey ?? new Uint8Array(0)
    const previous = await openPreviousVaultKey(engine, key, epoch, sealed)
    expect(keyHex(previous)).toBe(read<Genesis>('genesis').vaultKey)
  }
  expect(chain.epoch).toBe(2)
})

test('every malformed commit is refused with its code', async () => {
  const { commits } = read<{ commits: { about: string; code: string; chainState: string | null; commit: string }[] }>(
    'malformed',
  )
  for (const { about, code, chainState, commit } of commits) {
    const state = chainState === null ? null : decodeChainState(fromHex(chainState))
    await expect(verify(state, fromHex(commit)), about).rejects.toMatchObject({ name: 'VaultError', code })
  }
})

interface Checkpoint {
  base: string
  deltas: string[]
  state: string
  stateHash: string
  seq: number
  epoch: number
  manifest: string
  sealedManifest: string
  checkpointHash: string
  commit: string
  commitHash: string
  chainState: string
  stateAfter: string
  refused: { about: string; what: 'base' | 'deltas' | 'manifest'; code: string; bytes: string[] }[]
}

async function checkpointKey() {
  const { vaultId, vaultKey } = read<Genesis>('genesis')
  const place = { vaultId: asVaultId(fromHex(vaultId)), epoch: 1 }
  return { ...(await vaultKeys(engine, asVaultKey(secret(vaultKey)), place)), vaultId: place.vaultId }
}

test('a checkpoint gives the state, manifest and hashes of the vector', async () => {
  const vector = read<Checkpoint>('checkpoint')
  const { vaultId, checkpointKey: key } = await checkpointKey()
  const sealed = fromHex(vector.sealedManifest)
  expect(toHex(await checkpointHash(engine, sealed))).toBe(vector.checkpointHash)
  const manifest = await openManifest(engine, key, { vaultId, epoch: vector.epoch, seq: vector.seq }, sealed)
  expect(toHex(encodeManifest(manifest))).toBe(vector.manifest)
  const contents = { base: fromHex(vector.base), deltas: vector.deltas.map(fromHex) }
  const state = await openCheckpointState(engine, vaultId, manifest, contents)
  expect(toHex(encodeState(state))).toBe(vector.state)
  expect(toHex(await stateHash(engine, state))).toBe(vector.stateHash)
  const whole = encodeDelta(await decodeState(engine, contents.base), state)
  expect(toHex(encodeState(applyDeltas(await decodeState(engine, contents.base), [whole])))).toBe(vector.state)
  const chain = { vaultId, head: { seq: manifest.seq, hash: manifest.commitHash }, ...manifest }
  const named = await verify(chain, fromHex(vector.commit))
  expect(toHex(named.hash)).toBe(vector.commitHash)
  expect(toHex(encodeChainState(named.next))).toBe(vector.chainState)
  expect(applyCommit(state, { ...named, operations: [] }).applied).toBe(true)
  expect(toHex(encodeState(state))).toBe(vector.stateAfter)
})

test('what no checkpoint holds is refused with its code', async () => {
  const { base, seq, epoch, refused } = read<Checkpoint>('checkpoint')
  const { vaultId, checkpointKey: key } = await checkpointKey()
  for (const { about, what, code, bytes } of refused) {
    const [only = new Uint8Array(0)] = bytes.map(fromHex)
    const open = async (): Promise<unknown> => {
      if (what === 'base') return await decodeState(engine, only)
      if (what === 'deltas') return applyDeltas(await decodeState(engine, fromHex(base)), bytes.map(fromHex))
      return await openManifest(engine, key, { vaultId, epoch, seq }, only)
    }
    await expect(open(), `${what}: ${about}`).rejects.toMatchObject({ name: 'VaultError', code })
  }
})
