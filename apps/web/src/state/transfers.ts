import * as Comlink from 'comlink'
import { asFailure, type Vault } from '../bridge/connect.ts'
import { nameOf } from '../bridge/rows.ts'
import type { Conflict, UploadItem, UploadProgress } from '../worker/vault-api.ts'
import { observable } from './observable.ts'

export interface Transfer extends UploadProgress {
  readonly path: string
  readonly name: string
  readonly size: number
  readonly file: File
  readonly conflict: Conflict
}

/** Uploads of this tab, in the order in which they were asked for. */
export const transfers = observable<readonly Transfer[]>([])

export function isUnfinished(transfer: Transfer): boolean {
  return transfer.state === 'waiting' || transfer.state === 'running'
}

/** Sends files to where they belong; progress shows in `transfers`. */
export async function upload(
  vault: Vault,
  files: readonly { path: string; file: File }[],
  conflict: Conflict,
): Promise<void> {
  const items: UploadItem[] = files.map(({ path, file }) => ({ id: crypto.randomUUID(), path, file }))
  const added = items.map(
    ({ id, path, file }): Transfer => ({
      id,
      path,
      file,
      conflict,
      name: nameOf(path),
      size: file.size,
      state: 'waiting',
      sentBytes: 0,
      error: null,
    }),
  )
  transfers.set([...transfers.get(), ...added])
  try {
    await vault.upload(items, conflict, Comlink.proxy(applyProgress))
  } catch (error) {
    const { code } = asFailure(error)
    const ids = new Set(items.map((item) => item.id))
    transfers.set(
      transfers
        .get()
        .map((transfer) =>
          ids.has(transfer.id) && isUnfinished(transfer) ? { ...transfer, state: 'failed', error: code } : transfer,
        ),
    )
  }
}

function applyProgress(changes: readonly UploadProgress[]): void {
  const byId = new Map(changes.map((change) => [change.id, change]))
  transfers.set(transfers.get().map((transfer) => ({ ...transfer, ...byId.get(transfer.id) })))
}

export function cancelUnfinished(vault: Vault): void {
  const ids = transfers
    .get()
    .filter(isUnfinished)
    .map((transfer) => transfer.id)
  void vault.cancelUploads(ids)
}

export function clearFinished(): void {
  transfers.set(transfers.get().filter(isUnfinished))
}

export function retryFailed(vault: Vault): void {
  const failed = transfers.get().filter((transfer) => transfer.state === 'failed')
  transfers.set(transfers.get().filter((transfer) => transfer.state !== 'failed'))
  for (const conflict of new Set(failed.map((transfer) => transfer.conflict))) {
    void upload(
      vault,
      failed.filter((transfer) => transfer.conflict === conflict),
      conflict,
    )
  }
}
