import {
  type AccountId,
  type AccountKey,
  asBlobId,
  asNodeId,
  asVersionId,
  type BlobId,
  type CryptoEngine,
  concat,
  type DeviceId,
  fromUtf8,
  localKey,
  open,
  type SecretBytes,
  seal,
  sealContext,
  utf8,
} from '@strongroom/crypto'
import { decodeBytes, encodeBytes } from '@strongroom/protocol'
import { decodeBody, encodeBody, type Operation, type SeenNode } from '@strongroom/vault'
import type { StateStore } from '../ports.ts'

/** A DEK under the keys of an epoch. */
export interface WrappedDek {
  readonly blobId: BlobId
  readonly epoch: number
  readonly bytes: Uint8Array
}

/** A change on its way: all that is needed to commit it, on whatever is the newest state by then. */
export interface PendingChange {
  readonly changeId: Uint8Array
  /** As planned. */
  readonly operations: readonly Operation[]
  readonly seen: readonly SeenNode[]
  readonly collisions: 'keep' | 'skip'
  /** Whether it is dropped when others commit first. */
  readonly onlyAsPlanned: boolean
  /** When it was planned; dates conflict copies. */
  readonly plannedMs: number
  readonly wraps: readonly WrappedDek[]
}

/** Where a change is kept from before its first send until its outcome is known. */
export interface PendingStore {
  /** null when there is none, or one that cannot be read, which is discarded. */
  load(): Promise<PendingChange | null>
  save(change: PendingChange): Promise<void>
  /** Takes away the record of this change; that of another one stays. */
  remove(changeId: Uint8Array): Promise<void>
}

export interface PendingOptions {
  readonly engine: CryptoEngine
  readonly store: StateStore
  readonly accountKey: AccountKey
  readonly accountId: AccountId
  readonly deviceId: DeviceId
}

const VERSION = 1
const CHANGE_ID_LENGTH = 16

/** A record of one change: version ‖ change id(16) ‖ what is sealed under a key of account and device. */
export function pendingStore(options: PendingOptions): PendingStore {
  const { engine, store, accountId, deviceId } = options
  const context = (changeId: Uint8Array) => sealContext('local-journal', accountId, deviceId, changeId)
  const withKey = async <T>(task: (key: SecretBytes) => Promise<T>): Promise<T> => {
    const key = await localKey(engine, options.accountKey, { accountId, deviceId })
    try {
      return await task(key)
    } finally {
      key.dispose()
    }
  }
  const load = async (): Promise<PendingChange | null> => {
    const record = await store.load('pending')
    if (record === null) return null
    try {
      if (record[0] !== VERSION) throw new Error('another version')
      const changeId = record.slice(1, 1 + CHANGE_ID_LENGTH)
      const sealed = record.subarray(1 + CHANGE_ID_LENGTH)
      return decodeChange(changeId, await withKey((key) => open(engine, key, context(changeId), sealed)))
    } catch {
      // Reason: what another account left behind, or a disk has damaged, must not stop this one for ever.
      await store.remove('pending')
      return null
    }
  }
  return {
    load,
    async save(change) {
      const sealed = await withKey((key) => seal(engine, key, context(change.changeId), encodeChange(change)))
      await store.save('pending', concat(Uint8Array.of(VERSION), change.changeId, sealed))
    },
    async remove(changeId) {
      const stored = await store.load('pending')
      const isOther = stored !== null && encodeBytes(stored.subarray(1, 17)) !== encodeBytes(changeId)
      if (stored !== null && !isOther) await store.remove('pending')
    },
  }
}

function encodeChange(change: PendingChange): Uint8Array {
  const { operations, seen, collisions, onlyAsPlanned, plannedMs, wraps } = change
  return utf8(
    JSON.stringify({
      collisions,
      onlyAsPlanned,
      plannedMs,
      body: encodeBytes(encodeBody(operations)),
      seen: seen.map((node) => [
        encodeBytes(node.nodeId),
        encodeBytes(node.parentId),
        node.name,
        node.versionId === null ? null : encodeBytes(node.versionId),
      ]),
      wraps: wraps.map(({ blobId, epoch, bytes }) => [encodeBytes(blobId), epoch, encodeBytes(bytes)]),
    }),
  )
}

interface Stored {
  collisions: 'keep' | 'skip'
  onlyAsPlanned?: boolean
  plannedMs: number
  body: string
  seen: [string, string, string, string | null][]
  wraps: [string, number, string][]
}

function decodeChange(changeId: Uint8Array, bytes: Uint8Array): PendingChange {
  const stored = JSON.parse(fromUtf8(bytes)) as Stored // Sealed by `encodeChange`.
  return {
    changeId,
    operations: decodeBody(binary(stored.body)),
    seen: stored.seen.map(([nodeId, parentId, name, versionId]) => ({
      nodeId: asNodeId(binary(nodeId)),
      parentId: asNodeId(binary(parentId)),
      name,
      versionId: versionId === null ? null : asVersionId(binary(versionId)),
    })),
    collisions: stored.collisions,
    onlyAsPlanned: stored.onlyAsPlanned ?? false,
    plannedMs: stored.plannedMs,
    wraps: stored.wraps.map(([blobId, epoch, wrapped]) => ({
      blobId: asBlobId(binary(blobId)),
      epoch,
      bytes: binary(wrapped),
    })),
  }
}

function binary(text: string): Uint8Array {
  const bytes = decodeBytes(text)
  if (bytes === null) throw new Error('not base64url')
  return bytes
}
