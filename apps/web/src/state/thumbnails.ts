import * as Comlink from 'comlink'
import { useCallback, useSyncExternalStore } from 'react'
import { asFailure, type Vault } from '../bridge/connect.ts'
import type { ThumbnailFound, VaultFailure } from '../worker/vault-api.ts'
import { connection } from './connection.ts'

/** Bytes of thumbnails that are kept although their rows are not drawn. */
const MOST_BYTES = 24 * 1024 * 1024
/** So that fast scrolling asks once for where it ends, and not for all that flies by. */
const ASK_AFTER_MS = 100

interface Kept {
  readonly versionId: string
  /** null where there is none to show. */
  readonly url: string | null
  readonly bytes: number
}

/** By node, the one used longest ago first. */
const kept = new Map<string, Kept>()
let keptBytes = 0
/** Who draws the thumbnail of a node. */
const drawn = new Map<string, Set<() => void>>()
let vault: Vault | null = null
let stop: (failure: VaultFailure) => void = () => undefined
let timer: ReturnType<typeof setTimeout> | undefined

/** Follows the thumbnails of an account; returns what ends that and forgets them. */
export function startThumbnails(of: Vault, onFailure: (failure: VaultFailure) => void): () => void {
  vault = of
  stop = onFailure
  void of.followThumbnails(Comlink.proxy(keep), Comlink.proxy(onFailure))
  document.addEventListener('visibilitychange', ask)
  // What was not answered is asked for again.
  const forget = connection.subscribe(refreshThumbnails)
  return () => {
    forget()
    document.removeEventListener('visibilitychange', ask)
    clearTimeout(timer)
    timer = undefined
    vault = null
    for (const nodeId of [...kept.keys()]) drop(nodeId)
  }
}

/** Asks again for what is drawn: the vault has changed. */
export function refreshThumbnails(): void {
  timer ??= setTimeout(ask, ASK_AFTER_MS)
}

function ask(): void {
  clearTimeout(timer)
  timer = undefined
  const wishes = [...drawn.keys()].map((nodeId) => ({ nodeId, versionId: kept.get(nodeId)?.versionId ?? null }))
  vault?.wantThumbnails(wishes, mayMake()).catch((error: unknown) => stop(asFailure(error)))
}

interface NetworkInformation {
  readonly saveData?: boolean
  readonly type?: string
}

/** Whether pictures may be fetched only to make them small: not unseen, and not where bytes are dear. */
function mayMake(): boolean {
  // Reason for the cast: not every browser tells of its connection, and the DOM types know nothing of it.
  const { connection } = navigator as { connection?: NetworkInformation }
  return document.visibilityState === 'visible' && connection?.saveData !== true && connection?.type !== 'cellular'
}

function keep({ nodeId, versionId, type, bytes }: ThumbnailFound): void {
  if (vault === null) return
  drop(nodeId)
  const url = type === null ? null : URL.createObjectURL(new Blob([bytes], { type }))
  kept.set(nodeId, { versionId, url, bytes: bytes.length })
  keptBytes += bytes.length
  tellDrawn(nodeId)
  for (const old of kept.keys()) {
    if (keptBytes <= MOST_BYTES) return
    if (!drawn.has(old)) drop(old)
  }
}

function drop(nodeId: string): void {
  const old = kept.get(nodeId)
  if (old === undefined) return
  kept.delete(nodeId)
  keptBytes -= old.bytes
  if (old.url !== null) URL.revokeObjectURL(old.url)
}

function tellDrawn(nodeId: string): void {
  for (const listener of drawn.get(nodeId) ?? []) listener()
}

/** Takes back one that the browser could not draw; its icon is shown instead. */
export function rejectThumbnail(nodeId: string): void {
  const bad = kept.get(nodeId)
  if (bad === undefined) return
  drop(nodeId)
  kept.set(nodeId, { ...bad, url: null, bytes: 0 })
  tellDrawn(nodeId)
}

/** Address of the thumbnail of a node; null as long as there is none. @param nodeId - null for what never has one */
export function useThumbnail(nodeId: string | null): string | null {
  const subscribe = useCallback(
    (listener: () => void) => {
      if (nodeId === null) return () => undefined
      const listeners = drawn.get(nodeId) ?? new Set()
      drawn.set(nodeId, listeners.add(listener))
      const known = kept.get(nodeId)
      if (known === undefined) refreshThumbnails()
      else {
        // What was used last goes last.
        kept.delete(nodeId)
        kept.set(nodeId, known)
      }
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) drawn.delete(nodeId)
      }
    },
    [nodeId],
  )
  return useSyncExternalStore(subscribe, () => (nodeId === null ? null : (kept.get(nodeId)?.url ?? null)))
}
