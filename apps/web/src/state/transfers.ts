import * as Comlink from 'comlink'
import { asFailure, type Vault } from '../bridge/connect.ts'
import { adoptUploads, dropUploads, keepUploads, stayAwake } from '../bridge/kept-uploads.ts'
import { nameOf } from '../bridge/rows.ts'
import type { KeptUpload } from '../service-worker/service-worker.ts'
import type { Conflict, UploadItem, UploadProgress } from '../worker/vault-api.ts'
import { connection } from './connection.ts'
import { observable } from './observable.ts'

export interface Transfer {
  readonly id: string
  readonly state: UploadProgress['state'] | 'paused' | 'offline'
  readonly sentBytes: number
  /** Code of what went wrong. */
  readonly error: string | null
  readonly path: string
  readonly name: string
  readonly size: number
  readonly file: File
  readonly conflict: Conflict
  /** Whether nothing lay in its place when it was asked for. */
  readonly isNew: boolean
}

/** Uploads of this tab, in the order in which they were asked for. */
export const transfers = observable<readonly Transfer[]>([])

/** Uploads that were interrupted on purpose, until the worker has said so. */
const pausing = new Set<string>()
const RETRY_MS = 15_000
/** Hex id of who is signed in. */
let account: string | null = null

export function isUnfinished({ state }: Transfer): boolean {
  return state === 'waiting' || state === 'running' || state === 'offline'
}

function isOver({ state }: Transfer): boolean {
  return state === 'done' || state === 'skipped' || state === 'cancelled'
}

/** A file, where it belongs, and whether nothing lies there. */
interface Sent {
  readonly path: string
  readonly file: File
  readonly isNew: boolean
}

/** Sends files to where they belong; progress shows in `transfers`. */
export async function upload(vault: Vault, files: readonly Sent[], conflict: Conflict): Promise<void> {
  const added = files.map((file) => fresh({ ...file, id: crypto.randomUUID(), conflict }))
  transfers.set([...transfers.get(), ...added])
  const accountId = account
  if (accountId !== null) keepUploads(added.map((transfer) => keptOf(transfer, accountId)))
  await send(vault, added, conflict)
}

type Kept = Omit<KeptUpload, 'life' | 'accountId'>

function fresh({ id, path, file, conflict, isNew }: Kept): Transfer {
  const name = nameOf(path)
  return { id, path, file, conflict, isNew, name, size: file.size, state: 'waiting', sentBytes: 0, error: null }
}

function keptOf({ id, path, file, conflict, isNew }: Transfer, accountId: string): Omit<KeptUpload, 'life'> {
  return { id, path, file, conflict, isNew, accountId }
}

async function send(vault: Vault, sending: readonly Transfer[], conflict: Conflict): Promise<void> {
  const items: UploadItem[] = sending.map(({ id, path, file, sentBytes }) => ({ id, path, file, sentBytes }))
  try {
    await vault.upload(items, conflict, Comlink.proxy(applyProgress))
  } catch (error) {
    const { code } = asFailure(error)
    change(
      sending.map(({ id }) => id).filter((id) => isActive(id)),
      { state: stateAfter(code), error: code },
    )
  }
}

function isActive(id: string): boolean {
  return transfers.get().some((transfer) => transfer.id === id && isUnfinished(transfer))
}

/** A lost network is waited for, anything else is told. */
function stateAfter(code: string | null): 'offline' | 'failed' {
  return code === 'network' ? 'offline' : 'failed'
}

function applyProgress(changes: readonly UploadProgress[]): void {
  const byId = new Map(changes.map((one) => [one.id, one]))
  transfers.set(
    transfers.get().map((transfer) => {
      const one = byId.get(transfer.id)
      if (one === undefined) return transfer
      if (one.state === 'cancelled' && pausing.delete(one.id)) return { ...transfer, state: 'paused', error: null }
      if (one.state === 'failed') return { ...transfer, ...one, state: stateAfter(one.error) }
      return { ...transfer, ...one }
    }),
  )
  forgetFinished()
}

function change(ids: readonly string[], to: Partial<Transfer>): void {
  const wanted = new Set(ids)
  transfers.set(transfers.get().map((transfer) => (wanted.has(transfer.id) ? { ...transfer, ...to } : transfer)))
  forgetFinished()
}

const dropped = new Set<string>()

/** What is over needs no keeping. */
function forgetFinished(): void {
  const over = transfers.get().filter((transfer) => isOver(transfer) && !dropped.has(transfer.id))
  for (const { id } of over) dropped.add(id)
  dropUploads(over.map(({ id }) => id))
}

export function cancelUploads(vault: Vault, cancelling: readonly Transfer[]): void {
  const idle = cancelling.filter(({ state }) => state === 'paused' || state === 'offline' || state === 'failed')
  change(
    idle.map(({ id }) => id),
    { state: 'cancelled' },
  )
  void vault.cancelUploads(cancelling.map(({ id }) => id))
}

export function pauseUploads(vault: Vault, pausedOnes: readonly Transfer[]): void {
  const idle = pausedOnes.filter(({ state }) => state === 'offline').map(({ id }) => id)
  change(idle, { state: 'paused' })
  const ids = pausedOnes.map(({ id }) => id).filter((id) => !idle.includes(id))
  for (const id of ids) pausing.add(id)
  void vault.cancelUploads(ids)
}

/** Sends again what is paused, failed or waits for the network; what was sent before counts. */
export function resumeUploads(vault: Vault, resumed: readonly Transfer[]): void {
  change(
    resumed.map(({ id }) => id),
    { state: 'waiting', error: null },
  )
  for (const conflict of new Set(resumed.map((transfer) => transfer.conflict))) {
    void send(
      vault,
      resumed.filter((transfer) => transfer.conflict === conflict),
      conflict,
    )
  }
}

export function clearFinished(): void {
  dropUploads(
    transfers
      .get()
      .filter((transfer) => !isUnfinished(transfer))
      .map(({ id }) => id),
  )
  transfers.set(transfers.get().filter(isUnfinished))
}

/** Forgets all uploads, also those that a reload would find again. */
export function forgetUploads(): void {
  dropUploads(transfers.get().map(({ id }) => id))
  transfers.set([])
}

/**
 * Goes on with what a reload or a closed tab interrupted, and again whenever the network is back or the tab is looked at;
 * returns what ends that and takes the list away.
 */
export function startTransfers(vault: Vault, accountId: string): () => void {
  account = accountId
  const unfinished = (): Transfer[] => transfers.get().filter((transfer) => !isOver(transfer))
  const keepAgain = (): void => keepUploads(unfinished().map((transfer) => keptOf(transfer, accountId)))
  const sleep = stayAwake(() => unfinished().length > 0, keepAgain)
  const adoption = adoptUploads(accountId, (kept) => takeOver(vault, kept))
  const retry = (): void => {
    void adoption.look()
    const offline = transfers.get().filter(({ state }) => state === 'offline')
    if (offline.length > 0) resumeUploads(vault, offline)
  }
  // Reason: a browser may have frozen a tab that nobody looked at, with all its timers.
  const retryInSight = (): void => {
    if (document.visibilityState === 'visible') retry()
  }
  addEventListener('online', retry)
  document.addEventListener('visibilitychange', retryInSight)
  navigator.serviceWorker?.addEventListener('controllerchange', keepAgain)
  const unfollow = connection.subscribe(() => {
    if (connection.get() === 'online') retry()
  })
  const timer = setInterval(retry, RETRY_MS)
  void adoption.look()
  return () => {
    sleep()
    adoption.stop()
    removeEventListener('online', retry)
    document.removeEventListener('visibilitychange', retryInSight)
    navigator.serviceWorker?.removeEventListener('controllerchange', keepAgain)
    unfollow()
    clearInterval(timer)
    account = null
    transfers.set([])
  }
}

function takeOver(vault: Vault, kept: readonly KeptUpload[]): void {
  const known = new Set(transfers.get().map(({ id }) => id))
  const found = kept.filter(({ id }) => !known.has(id)).map(fresh)
  if (found.length === 0) return
  transfers.set([...transfers.get(), ...found])
  void settleArrived(vault, found).then((left) => resumeUploads(vault, left))
}

/**
 * Ends what had arrived before its page could be told so, and gives the rest. What lay in a free place since then, with the
 * size and the time of the file, is that file; sent again it would stand there twice.
 */
async function settleArrived(vault: Vault, found: readonly Transfer[]): Promise<readonly Transfer[]> {
  const places = found.filter(({ isNew }) => isNew).map(({ path }) => path)
  const taken = new Map((await vault.taken(places).catch(() => [])).map((one) => [one.path, one]))
  const isThere = ({ path, file, isNew }: Transfer): boolean => {
    const there = isNew ? taken.get(path) : undefined
    return there?.kind === 'file' && there.size === file.size && there.timeMs === file.lastModified
  }
  for (const transfer of found.filter(isThere)) change([transfer.id], { state: 'done', sentBytes: transfer.size })
  return found.filter((transfer) => !isThere(transfer))
}
