import { randomBytes } from 'node:crypto'
import {
  asAccountId,
  asBlobId,
  asDeviceId,
  asNodeId,
  asVersionId,
  contentLayout,
  createContentEncryptor,
  generateDek,
  type NodeId,
  partsRoot,
  toHex,
  vaultKeys,
  wrapDek,
} from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { encodeBytes } from '@strongroom/protocol'
import {
  applyCommit,
  buildCommit,
  type ChainState,
  type ContentRecord,
  emptyState,
  findMember,
  type Operation,
  readBody,
  references,
  type VaultState,
  verifyCommit,
} from '@strongroom/vault'
import { openSignedIn } from '../../../../packages/client/src/session/profile-keys.ts'
import type { SdkDevice } from '../sdk/sdk.ts'

const engine = nodeEngine()

/** A second program of a device's account, which commits as fast as the server takes commits. */
export interface BulkWriter {
  readonly state: VaultState
  readonly chain: ChainState
  commit(operations: Operation[]): Promise<void>
  /** Operations that make a folder. */
  folder(name: string, parentId?: NodeId): { nodeId: NodeId; operations: Operation[] }
  /** Operations that make files, all with one small stored content. */
  files(parentId: NodeId, names: readonly string[]): Promise<Operation[]>
  close(): void
}

/** Signs and sends with the account that is signed in on the device, from the log's beginning as it is now. */
export async function bulkWriter(device: SdkDevice): Promise<BulkWriter> {
  const signedIn = await openSignedIn(device.platform)
  if (signedIn === null) throw new Error('nobody is signed in')
  const { profile, accountKey, keyring } = signedIn
  const accountId = asAccountId(profile.accountId)
  const deviceId = asDeviceId(profile.deviceId)
  const token = Buffer.from(profile.token).toString('base64url')
  const { vaultId, vaultEpoch: epoch } = keyring
  const keys = await vaultKeys(engine, keyring.vaultKey, { vaultId, epoch })

  const ask = async <T>(path: string, body?: unknown): Promise<T> => {
    const response = await fetch(profile.server + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as T // The shape is the route's, which the server's own tests hold.
  }
  const vaultPath = `/v1/vaults/${encodeBytes(vaultId)}`

  const state = await emptyState(engine, vaultId)
  let chain: ChainState | null = null
  const page = await ask<{ commits: string[] }>(`${vaultPath}/commits?from=0`)
  for (const bytes of page.commits.map((text) => new Uint8Array(Buffer.from(text, 'base64url')))) {
    const verified = await verifyCommit({ hasher: engine, verifier: engine, state: chain, bytes })
    chain = verified.next
    applyCommit(state, {
      ...verified,
      operations: await readBody(engine, keys.logKey, verified.header, verified.sealedBody),
    })
  }

  const content = await storeContent()
  let wrapped = false

  async function storeContent(): Promise<ContentRecord & { wrap: Uint8Array }> {
    const blobId = asBlobId(new Uint8Array(randomBytes(16)))
    const dek = generateDek(engine)
    const plaintext = new TextEncoder().encode('the same in every file')
    const layout = contentLayout(plaintext.length)
    const { size, blobLength, partSize } = layout
    const encryptor = await createContentEncryptor(engine, { dek, blobId })
    const part = { firstSegment: 0, plaintext, paddedLength: layout.paddedSize, final: true }
    const bytes = await encryptor.encryptPart(part)
    const sha256 = await engine.sha256(bytes)
    const blob = {
      blobId: encodeBytes(blobId),
      blobLength,
      partSize,
      part: { sha256: encodeBytes(sha256), bytes: encodeBytes(bytes) },
    }
    await ask('/v1/blobs', { blobs: [blob] })
    const root = await partsRoot(engine, { blobId, blobLength, partSize, digests: sha256 })
    const wrap = await wrapDek(engine, keys.dekKek, { vaultId, epoch, blobId }, dek)
    return {
      slot: 'main',
      blobId,
      header: encryptor.header,
      size,
      blobLength,
      partSize,
      partsRoot: root,
      dekTimeMs: 0,
      wrap,
    }
  }

  const newNode = (): NodeId => asNodeId(new Uint8Array(randomBytes(16)))

  return {
    get state() {
      return state
    },
    get chain() {
      if (chain === null) throw new Error('the vault has no genesis')
      return chain
    },
    async commit(operations) {
      if (chain === null) throw new Error('the vault has no genesis')
      const seed = keyring.identitySeeds.ed25519
      const cardHash = findMember(chain.members, accountId)?.cardHash ?? new Uint8Array(32)
      const added = references(operations, state)
      const built = await buildCommit(engine, {
        state: chain,
        author: { accountId, deviceId, cardHash, seed },
        logKey: keys.logKey,
        operations,
        references: added,
        changeId: new Uint8Array(randomBytes(16)),
        timeMs: Date.now(),
      })
      const names = added.added.some(({ blobId }) => toHex(blobId) === toHex(content.blobId))
      const wraps =
        names && !wrapped ? [{ blobId: encodeBytes(content.blobId), epoch, bytes: encodeBytes(content.wrap) }] : []
      await ask(`${vaultPath}/commits`, { commit: encodeBytes(built.bytes), wraps })
      wrapped ||= names
      const result = applyCommit(state, { header: built.header, section: built.section, operations })
      if (!result.applied) throw new Error(`the commit did not apply: ${result.reason}`)
      chain = built.next
    },
    folder(name, parentId = state.rootId) {
      const nodeId = newNode()
      return { nodeId, operations: [{ op: 'create', nodeId, parentId, name, kind: 'folder' }] }
    },
    async files(parentId, names) {
      const { wrap: _, ...record } = content
      return names.flatMap((name): Operation[] => {
        const nodeId = newNode()
        const version = { versionId: asVersionId(new Uint8Array(randomBytes(16))), baseVersionId: null }
        return [
          { op: 'create', nodeId, parentId, name, kind: 'file' },
          { op: 'addVersion', nodeId, ...version, contents: [record], mtimeMs: 1_700_000_000_000, mode: 0o644 },
        ]
      })
    },
    close() {
      for (const key of Object.values(keys)) key.dispose()
      accountKey.dispose()
    },
  }
}
