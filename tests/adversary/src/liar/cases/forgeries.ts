import { randomBytes } from 'node:crypto'
import { asNodeId } from '@strongroom/crypto'
import { hashMessage } from '@strongroom/crypto/envelope'
import { nodeEngine } from '@strongroom/crypto/node'
import { encodeBody } from '@strongroom/vault'
import { commitHash, membersHash, type Section } from '@strongroom/vault/header'
import { type BuildOptions, chainOf, type Insider } from '../../harness/insider.ts'
import type { Lie } from '../../harness/proxy.ts'
import type { LieCase } from '../attempt.ts'
import { COMMITS, type CommitsBody, OPEN, type OpenBody, onJson } from '../lies.ts'
import { twoFaced } from '../two-faced.ts'
import type { World } from '../world.ts'

const engine = nodeEngine()
const cold = { command: ['ls', '/'], cold: true } as const

/** A body that makes a folder of this name. */
async function makesFolder({ keyring }: Insider, name: string): Promise<Uint8Array> {
  const root = (await engine.sha256(hashMessage('root', keyring.vaultId))).slice(0, 16)
  return encodeBody([
    { op: 'create', nodeId: asNodeId(randomBytes(16)), parentId: asNodeId(root), name, kind: 'folder' },
  ])
}

/** Shows a commit more than there is. */
function oneMore(build: (insider: Insider) => Promise<{ body?: Uint8Array; options: BuildOptions }>) {
  return async (world: World): Promise<Lie> => {
    const insider = await world.insider()
    const { body, options } = await build(insider)
    const chain = await insider.chain()
    const bytes = await insider.build(chain, body ?? (await makesFolder(insider, 'forged')), options)
    const head = { seq: (chain.head?.seq ?? 0) + 1, hash: await hashOf(bytes) }
    return onJson<CommitsBody>('GET', COMMITS, (page) => {
      page.head = head
      if (page.commits.length > 0) page.commits.push(Buffer.from(bytes).toString('base64url'))
    })
  }
}

async function hashOf(commit: Uint8Array): Promise<string> {
  return Buffer.from(await commitHash(engine, commit.subarray(0, 276))).toString('base64url')
}

/** The newest commit exchanged for another one that the account itself has signed: a fork. */
async function fork(world: World): Promise<Lie> {
  const insider = await world.insider()
  const all = await insider.commits()
  const before = await chainOf(all.slice(0, -1))
  if (before === null) throw new Error('there is nothing to fork from')
  const bytes = await insider.build(before, await makesFolder(insider, 'fork'))
  const hash = await hashOf(bytes)
  return onJson<CommitsBody>('GET', COMMITS, (page) => {
    page.head = { seq: all.length - 1, hash }
    if (page.commits.length > 0) page.commits.splice(-1, 1, Buffer.from(bytes).toString('base64url'))
  })
}

/** Somebody who makes himself an owner of the vault. */
async function ownerByForce(insider: Insider): Promise<{ body: Uint8Array; options: BuildOptions }> {
  const { members } = await insider.chain()
  const row = {
    accountId: randomBytes(16),
    role: 'owner' as const,
    cardHash: randomBytes(32),
    suite: 1,
    publicKey: await engine.ed25519PublicKey(randomBytes(32)),
    state: 'invited' as const,
  }
  const section: Partial<Section> = { members: [{ ...row, wrap: Buffer.concat([Buffer.of(1), randomBytes(1168)]) }] }
  const after = [...members, row].sort((a, b) => Buffer.compare(a.accountId, b.accountId))
  const header = { membership: true, membersHash: await membersHash(engine, after) }
  return { body: encodeBody([]), options: { section, header, seed: randomBytes(32) } }
}

/** Of the file with two keys, which is put once. */
const secondKeys = new WeakMap<World, Promise<string>>()

/** Lies that take a key, or somebody who works with the server. */
export const FORGERIES: readonly LieCase[] = [
  {
    ...cold,
    name: 'adds a commit signed by somebody who has the vault key but not the identity',
    kind: 'forge',
    lie: oneMore(async () => ({ options: { seed: randomBytes(32) } })),
    without: ['commit signature'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'adds a commit whose author is no member',
    kind: 'forge',
    lie: oneMore(async () => ({ options: { seed: randomBytes(32), header: { accountId: randomBytes(16) } } })),
    without: ['author is a member', 'commit signature'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'adds a commit under another identity card',
    kind: 'forge',
    lie: oneMore(async () => ({ options: { seed: randomBytes(32), header: { cardHash: randomBytes(32) } } })),
    without: ['card of the author', 'commit signature'],
    leak: 'wrong answer',
  },
  {
    ...cold,
    name: 'adds a commit that makes somebody an owner',
    kind: 'forge',
    lie: oneMore(ownerByForce),
    without: ['commit signature'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'adds a commit of another vault of the same author',
    kind: 'swap vaults',
    lie: oneMore(async () => ({ options: { header: { vaultId: randomBytes(16) } } })),
    without: ['vault of the chain', 'vault of a commit', 'vault of the state'],
    leak: 'success',
  },
  {
    ...cold,
    name: 'tells this device another newest commit than the one it has seen, signed by the account',
    kind: 'fork',
    lie: fork,
    without: ['pinned head'],
    leak: 'wrong answer',
  },
  {
    name: 'tells a device with a cache another newest commit, signed by the account',
    kind: 'fork',
    command: ['ls', '/'],
    lie: fork,
    without: ['head hash'],
    leak: 'success',
  },
  {
    name: 'hands out the second key of a blob that two keys open',
    kind: 'two keys',
    command: ['cat', '/two-faced.bin'],
    lie: async (world) => {
      const made = secondKeys.get(world) ?? twoFaced(await world.insider(), 'two-faced.bin')
      secondKeys.set(world, made)
      const other = await made
      return onJson<OpenBody>('POST', OPEN, ({ blobs }) => {
        for (const { wraps } of blobs) for (const wrap of wraps) wrap.bytes = other
      })
    },
    without: ['content header tag'],
    leak: 'wrong answer',
  },
]
