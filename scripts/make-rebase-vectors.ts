/** Writes spec/vectors/vault-rebase.json; always the same bytes. Run: npx tsx scripts/make-rebase-vectors.ts */
import { writeFileSync } from 'node:fs'
import { type NodeId, toHex, type VersionId } from '@strongroom/crypto'
import {
  applyCommit,
  emptyState,
  encodeBody,
  encodeState,
  type Operation,
  rebase,
  seenNodes,
  type VaultState,
} from '@strongroom/vault'
import { commit, content, hasher, header, id, section, VAULT } from '../packages/vault/src/testing/build.ts'

const label = { deviceName: 'laptop', timeMs: 1_795_983_300_000 }
const changeId = new Uint8Array(16).fill(0xc7)
const root = (await start()).rootId

const create = (number: number, parentId: NodeId, name: string, kind: 'folder' | 'file'): Operation => ({
  op: 'create',
  nodeId: id(number),
  parentId,
  name,
  kind,
})
const version = (number: number, node: number, base: number | null): Operation => ({
  op: 'addVersion',
  nodeId: id(node),
  versionId: id(number, 0xcc),
  baseVersionId: base === null ? null : id<VersionId>(base, 0xcc),
  contents: [content(number)],
  mtimeMs: number,
  mode: null,
})
const move = (number: number, from: [NodeId, string], to: [NodeId, string]): Operation => ({
  op: 'move',
  nodeId: id(number),
  fromParentId: from[0],
  fromName: from[1],
  toParentId: to[0],
  toName: to[1],
})
const trash = (number: number): Operation => ({ op: 'trash', nodeId: id(number) })
const purge = (nodes: number[], versions: [node: number, version: number][]): Operation => ({
  op: 'purge',
  nodeIds: nodes.map((number) => id<NodeId>(number)),
  versionIds: versions.map(([node, number]) => ({ nodeId: id<NodeId>(node), versionId: id<VersionId>(number, 0xcc) })),
})

/** The state after a genesis that is always the same. */
async function start(): Promise<VaultState> {
  const genesis = { header: header(0), section: section({ changeId: new Uint8Array(16) }), operations: [] }
  return applyCommit(await emptyState(hasher, VAULT), genesis).state
}

/** Commits with change ids that follow from the sequence number. */
function apply(state: VaultState, operations: Operation[], change?: Uint8Array): void {
  const result = commit(state, operations, { changeId: change ?? new Uint8Array(16).fill(state.seq + 1) })
  if (!result.applied) throw new Error(`does not apply: ${result.reason}`)
}

interface Case {
  about: string
  mine: Operation[]
  theirs: Operation[]
  collisions?: 'keep' | 'skip'
  known?: boolean
}

const replace = [trash(2), move(4, [id(3), 'g'], [id(1), 'f.txt'])]
const newFile = [create(20, id(3), 'n', 'file'), version(8, 20, null)]
const CASES: Case[] = [
  { about: 'nothing in the way', mine: [version(8, 2, 1)], theirs: [create(30, id(3), 'x', 'file')] },
  { about: 'base no longer current: conflict copy', mine: [version(8, 2, 1)], theirs: [version(9, 2, 1)] },
  {
    about: 'a version on top of one that became a conflict copy',
    mine: [version(8, 2, 1), version(7, 2, 8)],
    theirs: [version(9, 2, 1)],
  },
  { about: 'file trashed: new file under the old name', mine: [version(8, 2, 1)], theirs: [trash(2)] },
  { about: 'file purged: new file under the old name', mine: [version(8, 2, 1)], theirs: [purge([2], [[2, 1]])] },
  { about: 'folder trashed: new file in Recovered', mine: [version(8, 2, 1)], theirs: [trash(1)] },
  {
    about: 'name taken: keep both',
    mine: newFile,
    theirs: [create(30, id(3), 'n', 'file'), version(9, 30, null)],
  },
  {
    about: 'name taken in another normalisation: keep both',
    mine: [create(20, id(3), '\u00e9', 'file')],
    theirs: [create(30, id(3), 'e\u0301', 'file')],
  },
  {
    about: 'name taken: skip',
    mine: newFile,
    theirs: [create(30, id(3), 'n', 'file')],
    collisions: 'skip',
  },
  {
    about: 'folders of one name become one',
    mine: [create(20, id(3), 'n', 'folder'), create(21, id(20), 'in', 'file')],
    theirs: [create(30, id(3), 'n', 'folder')],
  },
  { about: 'create below something trashed: as it is', mine: newFile, theirs: [trash(3)] },
  {
    about: 'renamed while someone else moved it: both',
    mine: [move(2, [id(1), 'f.txt'], [id(1), 'r'])],
    theirs: [move(2, [id(1), 'f.txt'], [id(3), 'f.txt'])],
  },
  {
    about: 'move into its own descendant: refused',
    mine: [move(1, [root, 'd'], [id(3), 'd'])],
    theirs: [move(3, [root, 'e'], [id(1), 'e'])],
  },
  { about: 'move of something purged: dropped', mine: [move(4, [id(3), 'g'], [root, 'g'])], theirs: [purge([4], [])] },
  { about: 'replace what is as it was', mine: replace, theirs: [create(30, id(3), 'x', 'file')] },
  { about: 'replace what got a new version: spare it, keep both', mine: replace, theirs: [version(9, 2, 1)] },
  {
    about: 'purge keeps to its lists',
    mine: [purge([2, 1], [[2, 1]])],
    theirs: [version(9, 2, 1), create(30, id(1), 'new', 'file')],
  },
  { about: 'known change: nothing', mine: newFile, theirs: newFile, known: true },
]

async function vector({ about, mine, theirs, collisions = 'keep', known = false }: Case) {
  const state = await start()
  apply(state, [
    create(1, root, 'd', 'folder'),
    create(2, id(1), 'f.txt', 'file'),
    version(1, 2, null),
    create(3, root, 'e', 'folder'),
    create(4, id(3), 'g', 'file'),
  ])
  const seen = seenNodes(mine, state)
  apply(state, theirs, known ? changeId : undefined)
  const newest = toHex(encodeState(state))
  const result = rebase({ changeId, operations: mine, seen, state, label, collisions })
  if (result.operations.length > 0) apply(state, result.operations, changeId)
  return {
    about,
    operations: toHex(encodeBody(mine)),
    seen: seen.map((node) => ({
      nodeId: toHex(node.nodeId),
      parentId: toHex(node.parentId),
      name: node.name,
      versionId: node.versionId === null ? null : toHex(node.versionId),
    })),
    collisions,
    state: newest,
    rebased: toHex(encodeBody(result.operations)),
    outcomes: result.outcomes.map(({ outcome, reason }) => [outcome, reason]),
  }
}

const cases = []
for (const entry of CASES) cases.push(await vector(entry))
const about = 'Operations planned on one state, rebased onto another: vault-log.md, 13.'
const value = { about, changeId: toHex(changeId), ...label, cases }
writeFileSync(new URL('../spec/vectors/vault-rebase.json', import.meta.url), `${JSON.stringify(value, null, 1)}\n`)
