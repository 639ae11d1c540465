import { SecretBytes } from '@strongroom/crypto'
import type { NodeId, VersionId } from '@strongroom/crypto/envelope'
import { decode, encode } from 'cborg'
import { describe, expect, test } from 'vitest'
import type { Operation } from '../log/operations.ts'
import { cloneState } from '../state/clone.ts'
import { decodeState, encodeState, stateHash } from '../state/columns.ts'
import type { VaultState } from '../state/state.ts'
import { commit, content, freshState, hasher, id, VAULT } from '../testing/build.ts'
import { engine, foundVault } from '../testing/vault.ts'
import { applyDeltas, encodeDelta } from './delta.ts'
import { type CheckpointManifest, openManifest, sealManifest } from './manifest.ts'

function file(number: number, parentId: NodeId): Operation[] {
  const nodeId = id<NodeId>(number)
  const versionId = id<VersionId>(number, 0xcc)
  const contents = [content(number)]
  return [
    { op: 'create', nodeId, parentId, name: `file ${number}`, kind: 'file' },
    { op: 'addVersion', nodeId, versionId, baseVersionId: null, contents, mtimeMs: 1, mode: null },
  ]
}

/** A state and two later ones. */
async function history(): Promise<[VaultState, VaultState, VaultState]> {
  const first = await freshState()
  const folder: Operation = { op: 'create', nodeId: id(1), parentId: first.rootId, name: 'a', kind: 'folder' }
  expect(commit(first, [folder, ...file(2, id(1)), ...file(3, first.rootId)]).applied).toBe(true)
  const second = cloneState(first)
  const purge: Operation = { op: 'purge', nodeIds: [id(2)], versionIds: [{ nodeId: id(2), versionId: id(2, 0xcc) }] }
  expect(commit(second, [purge, ...file(4, id(1)), { op: 'trash', nodeId: id(3) }]).applied).toBe(true)
  const third = cloneState(second)
  expect(commit(third, [{ op: 'record', type: 'x', key: new Uint8Array(1), value: new Uint8Array(1) }]).applied).toBe(
    true,
  )
  return [first, second, third]
}

describe('deltas', () => {
  test('lead from a base to the newest state', async () => {
    const [first, second, third] = await history()
    const base = await decodeState(hasher, encodeState(first))
    const deltas = [encodeDelta(first, second), encodeDelta(second, third)]
    const state = applyDeltas(base, deltas)
    expect(Buffer.compare(encodeState(state), encodeState(third))).toBe(0)
    expect(await stateHash(hasher, state)).toEqual(await stateHash(hasher, third))
    expect(Buffer.compare(encodeState(base), encodeState(first))).toBe(0)
  })

  test('hold only what changed, also between states that share no objects', async () => {
    const [first, second] = await history()
    const other = await decodeState(hasher, encodeState(first))
    expect(Buffer.compare(encodeDelta(other, second), encodeDelta(first, second))).toBe(0)
    const value = decode(encodeDelta(first, second)) as Uint8Array[]
    expect(value[2]).toEqual(new Uint8Array(id(2)))
    expect(value[3]).toHaveLength(32)
  })

  test('out of order, twice, of another vault or changed are refused', async () => {
    const [first, second, third] = await history()
    const refuse = (deltas: Uint8Array[], code = 'checkpoint_invalid', about = ''): void => {
      expect(() => applyDeltas(first, deltas), about).toThrow(expect.objectContaining({ name: 'VaultError', code }))
    }
    const one = encodeDelta(first, second)
    const two = encodeDelta(second, third)
    for (const deltas of [[two], [one, one], [two, one], [new Uint8Array([...one, 0])]]) {
      refuse(deltas)
    }
    const value = decode(one) as Uint8Array[]
    for (const [index, item] of value.entries()) {
      if (index === 0) continue
      const longer = encode(value.with(index, new Uint8Array([...item, 1])))
      refuse([longer], 'checkpoint_invalid', `item ${index}`)
    }
    const removedTwice = encode(value.with(2, new Uint8Array(id(99))))
    refuse([removedTwice])
    const removesFolder = encode(value.with(2, new Uint8Array(id(1))))
    refuse([removesFolder])
    const next = encode((decode(one) as unknown[]).with(0, 'SRD2'))
    refuse([next], 'upgrade_required')
    expect(() => encodeDelta(third, first)).toThrow(expect.objectContaining({ code: 'checkpoint_invalid' }))
  })
})

describe('a manifest', () => {
  test('opens at its place and nowhere else', async () => {
    const { genesis } = await foundVault()
    const key = SecretBytes.copyOf(new Uint8Array(32).fill(3))
    const manifest: CheckpointManifest = {
      seq: 7,
      commitHash: new Uint8Array(32).fill(1),
      epoch: 2,
      members: genesis.next.members,
      base: content(1, { slot: 'base' }),
      deltas: [content(2, { slot: 'delta' })],
      stateHash: new Uint8Array(32).fill(2),
    }
    const sealed = await sealManifest(engine, key, VAULT, manifest)
    const place = { vaultId: VAULT, epoch: 2, seq: 7 }
    expect(await openManifest(engine, key, place, sealed)).toEqual(manifest)
    for (const wrong of [{ seq: 8 }, { epoch: 1 }, { vaultId: new Uint8Array(16) }]) {
      await expect(openManifest(engine, key, { ...place, ...wrong }, sealed)).rejects.toMatchObject({
        code: 'decrypt_failed',
      })
    }
    const bad = { ...manifest, base: content(1) }
    await expect(sealManifest(engine, key, VAULT, bad)).rejects.toMatchObject({ code: 'checkpoint_invalid' })
    const many = { ...manifest, deltas: Array.from({ length: 17 }, () => content(2, { slot: 'delta' })) }
    await expect(sealManifest(engine, key, VAULT, many)).rejects.toMatchObject({ code: 'limits_exceeded' })
  })
})
