import { readFileSync } from 'node:fs'
import { asNodeId, asVersionId, fromHex, toHex } from '@strongroom/crypto'
import { expect, test } from 'vitest'
import { decodeBody, encodeBody } from '../log/body-codec.ts'
import { decodeState, encodeState } from '../state/columns.ts'
import { hasher } from '../testing/build.ts'
import { rebase } from './rebase.ts'

interface Vector {
  changeId: string
  deviceName: string
  timeMs: number
  cases: {
    about: string
    operations: string
    seen: { nodeId: string; parentId: string; name: string; versionId: string | null }[]
    collisions: 'keep' | 'skip'
    state: string
    rebased: string
    outcomes: [string, string | null][]
  }[]
}

const file = new URL('../../../../spec/vectors/vault-rebase.json', import.meta.url)
const vector = JSON.parse(readFileSync(file, 'utf8')) as Vector // Written by scripts/make-rebase-vectors.ts.

test.each(vector.cases)('the rebase of the vector: $about', async (entry) => {
  const state = await decodeState(hasher, fromHex(entry.state))
  const result = rebase({
    changeId: fromHex(vector.changeId),
    operations: decodeBody(fromHex(entry.operations)),
    seen: entry.seen.map((node) => ({
      nodeId: asNodeId(fromHex(node.nodeId)),
      parentId: asNodeId(fromHex(node.parentId)),
      name: node.name,
      versionId: node.versionId === null ? null : asVersionId(fromHex(node.versionId)),
    })),
    state,
    label: { deviceName: vector.deviceName, timeMs: vector.timeMs },
    collisions: entry.collisions,
  })
  expect(toHex(encodeBody(result.operations))).toBe(entry.rebased)
  expect(result.outcomes.map(({ outcome, reason }) => [outcome, reason])).toEqual(entry.outcomes)
  expect(toHex(encodeState(state))).toBe(entry.state)
})
