import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AccountId,
  type AccountKey,
  type BlobId,
  type Dek,
  type Keyring,
  openAccountKey,
  openKeyring,
  padObject,
  SecretBytes,
  seal,
  sealContext,
  sessionKek,
  signatureMessage,
  u32,
  u64,
  unwrapDek,
  vaultKeys,
  wrapDek,
} from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { type ContentRecord, openBody } from '@strongroom/vault'
import {
  type ChainState,
  type CommitHeader,
  commitHash,
  encodeHeader,
  encodeSection,
  membersHash,
  type Section,
  verifyCommit,
} from '@strongroom/vault/header'

const engine = nodeEngine()

/** What a device knows: the keys of its account, read from its profile folder and used by the packages' own code. */
export interface Insider {
  readonly accountKey: AccountKey
  readonly keyring: Keyring
  readonly accountId: Uint8Array
  readonly deviceId: Uint8Array
  readonly token: string
  /** The commits that the server has. */
  commits(): Promise<Uint8Array[]>
  /** Every content of every commit, newest last. */
  contents(): Promise<ContentRecord[]>
  dekOf(content: ContentRecord): Promise<Dek>
  /** A commit on top of `chain`, signed by `seed` (the account's own unless told), with any body at all. */
  build(chain: ChainState, body: Uint8Array, options?: BuildOptions): Promise<Uint8Array>
  chain(): Promise<ChainState>
  /** Builds on the server's head and appends it there, with the DEKs of what it adds. */
  append(body: Uint8Array, section?: Partial<Section>, deks?: ReadonlyMap<BlobId, Dek>): Promise<Uint8Array>
  /** A DEK as the server hands it out, in base64url. */
  wrap(blobId: BlobId, dek: Dek): Promise<string>
  /** Stores a blob of one part. */
  store(blobId: Uint8Array, bytes: Uint8Array): Promise<void>
}

export interface BuildOptions {
  readonly section?: Partial<Section>
  readonly seed?: Uint8Array
  /** What the header says differently. */
  readonly header?: Partial<CommitHeader>
}

interface StoredProfile {
  accountId: string
  deviceId: string
  token: string
  clientHalf: string
  envelope: string
}

/** Opens the keys of the account that is signed in on a device. */
export async function openInsider(home: string, server: string): Promise<Insider> {
  const profile: StoredProfile = JSON.parse(await readFile(join(home, 'profile.json'), 'utf8'))
  const accountId = fromBase64(profile.accountId) as AccountId
  const deviceId = fromBase64(profile.deviceId)
  const ask = <T>(path: string, body?: unknown): Promise<T> => askServer(server, profile.token, path, body)
  const { serverHalf } = await ask<{ serverHalf: string }>('/v1/sessions/current/half')
  const halves = [profile.clientHalf, serverHalf].map((half) => SecretBytes.take(fromBase64(half)))
  const kek = await sessionKek(engine, ...(halves as [SecretBytes, SecretBytes])) // made of two
  const envelope = { accountId, method: 3, version: 1 } as const
  const accountKey = await openAccountKey(engine, kek, envelope, fromBase64(profile.envelope))
  const account = await ask<{ keyring: string; keyringVersion: number }>('/v1/account')
  const place = { accountId, version: account.keyringVersion }
  const keyring = await openKeyring(engine, accountKey, place, fromBase64(account.keyring))
  const vault = { vaultId: keyring.vaultId, epoch: keyring.vaultEpoch }
  const keys = await vaultKeys(engine, keyring.vaultKey, vault)
  const vaultPath = `/v1/vaults/${Buffer.from(keyring.vaultId).toString('base64url')}`

  const commits = async (): Promise<Uint8Array[]> => {
    const page = await ask<{ commits: string[] }>(`${vaultPath}/commits?from=0`)
    return page.commits.map(fromBase64)
  }

  const build: Insider['build'] = async (chain, body, options = {}) => {
    if (chain.head === null) throw new Error('the chain is empty')
    const seq = chain.head.seq + 1
    const context = sealContext('body', vault.vaultId, u32(vault.epoch), u64(seq))
    const sealedBody = await seal(engine, keys.logKey, context, padObject(body))
    const section = encodeSection({
      changeId: randomBytes(16),
      added: [],
      released: [],
      members: [],
      epochChange: null,
      genesis: null,
      ...options.section,
    })
    const author = chain.members.find((member) => Buffer.compare(member.accountId, accountId) === 0)
    if (author === undefined) throw new Error('the account is no member')
    const header: CommitHeader = {
      suite: 1,
      membership: false,
      vaultId: vault.vaultId,
      seq,
      prev: chain.head.hash,
      epoch: chain.epoch,
      accountId,
      deviceId,
      cardHash: author.cardHash,
      timeMs: Date.now(),
      sectionHash: await engine.sha256(section),
      sectionLength: section.length,
      bodyHash: await engine.sha256(sealedBody),
      bodyLength: sealedBody.length,
      membersHash: await membersHash(engine, chain.members),
      checkpointHash: null,
      ...options.header,
    }
    const headerBytes = encodeHeader(header)
    const message = signatureMessage('commit', await commitHash(engine, headerBytes))
    const seed = options.seed ?? keyring.identitySeeds.ed25519.use((bytes) => Uint8Array.from(bytes))
    return Buffer.concat([headerBytes, await engine.ed25519Sign(seed, message), section, sealedBody])
  }

  const wrap = async (blobId: BlobId, dek: Dek): Promise<string> =>
    toBase64(await wrapDek(engine, keys.dekKek, { ...vault, blobId }, dek))

  const chain = async (): Promise<ChainState> => {
    const all = await commits()
    const state = await chainOf(all)
    if (state === null) throw new Error('the vault has no commits')
    return state
  }

  return {
    accountKey,
    keyring,
    accountId,
    deviceId,
    token: profile.token,
    commits,
    chain,
    build,
    async contents() {
      const found = new Map<string, ContentRecord>()
      let state: ChainState | null = null
      for (const bytes of await commits()) {
        const verified = await verifyCommit({ hasher: engine, verifier: engine, state, bytes })
        state = verified.next
        for (const operation of await openBody(engine, keys.logKey, verified.header, verified.sealedBody)) {
          if (operation.op !== 'addVersion') continue
          // Copies share their content.
          for (const content of operation.contents) found.set(toBase64(content.blobId), content)
        }
      }
      return [...found.values()]
    },
    async dekOf(content) {
      const opened = await ask<{ blobs: { wraps: { epoch: number; bytes: string }[] }[] }>('/v1/blobs/open', {
        vaultId: toBase64(vault.vaultId),
        blobIds: [toBase64(content.blobId)],
      })
      const wrap = opened.blobs[0]?.wraps[0]
      if (wrap === undefined) throw new Error('the blob has no wrap')
      const blobPlace = { ...vault, epoch: wrap.epoch, blobId: content.blobId as BlobId }
      return unwrapDek(engine, keys.dekKek, blobPlace, fromBase64(wrap.bytes))
    },
    async append(body, section = {}, deks = new Map()) {
      const bytes = await build(await chain(), body, { section })
      const wraps = [...deks].map(async ([blobId, dek]) => ({
        blobId: toBase64(blobId),
        epoch: vault.epoch,
        bytes: await wrap(blobId, dek),
      }))
      await ask(`${vaultPath}/commits`, { commit: toBase64(bytes), wraps: await Promise.all(wraps) })
      return bytes
    },
    wrap,
    async store(blobId, bytes) {
      const part = { sha256: toBase64(await engine.sha256(bytes)), bytes: toBase64(bytes) }
      const blob = { blobId: toBase64(blobId), blobLength: bytes.length, partSize: 8 * 1024 * 1024, part }
      await ask('/v1/blobs', { blobs: [blob] })
    },
  }
}

/** The chain after the commits; null before the first. */
export async function chainOf(commits: readonly Uint8Array[]): Promise<ChainState | null> {
  let state: ChainState | null = null
  for (const bytes of commits) state = (await verifyCommit({ hasher: engine, verifier: engine, state, bytes })).next
  return state
}

async function askServer<T>(server: string, token: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(server + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T // The shape is the route's, which the server's own tests hold.
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64url'))
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

/** Copies of all keys that a device of this account holds, for the search after them. */
export async function keyBytes(insider: Insider): Promise<{ name: string; bytes: Uint8Array }[]> {
  const { accountKey, keyring } = insider
  const copy = (secret: SecretBytes): Uint8Array => secret.use((bytes) => Uint8Array.from(bytes))
  const vault = { vaultId: keyring.vaultId, epoch: keyring.vaultEpoch }
  const keys = await vaultKeys(engine, keyring.vaultKey, vault)
  const deks = await Promise.all((await insider.contents()).map((content) => insider.dekOf(content)))
  return [
    { name: 'account key', bytes: copy(accountKey) },
    { name: 'vault key', bytes: copy(keyring.vaultKey) },
    { name: 'identity seed', bytes: copy(keyring.identitySeeds.ed25519) },
    { name: 'X-Wing seed', bytes: copy(keyring.identitySeeds.xwing) },
    { name: 'log key', bytes: copy(keys.logKey) },
    { name: 'checkpoint key', bytes: copy(keys.checkpointKey) },
    { name: 'DEK wrapping key', bytes: copy(keys.dekKek) },
    ...deks.map((dek, index) => ({ name: `DEK ${index}`, bytes: copy(dek) })),
  ]
}
