import type { Drive, TreeItem } from '@strongroom/client'
import { blobSource } from '@strongroom/client/browser'
import { explain, failureOf } from './failures.ts'
import type { Conflict, UploadItem, UploadProgress, VaultFailure } from './vault-api.ts'

/** Files up to this size share requests and commits. */
const SMALL_BYTES = 4 * 1024 * 1024
const SMALL_BATCH = 200
/** Large files at a time; each sends several parts at once. */
const LARGE_AT_ONCE = 2
const TELL_MS = 120

interface Running {
  readonly item: UploadItem
  state: UploadProgress['state']
  sentBytes: number
  error: string | null
  readonly abort: AbortController
}

export interface Uploads {
  run(items: readonly UploadItem[], conflict: Conflict, tell: (progress: UploadProgress[]) => void): Promise<void>
  cancel(ids: readonly string[]): void
}

/**
 * Uploads files of one tab; what ends tells so, and nothing ends the others but a failure that concerns them all.
 *
 * @param landed - told of each file that lies at a path now
 */
export function createUploads(drive: () => Drive, landed: (path: string, file: File) => void): Uploads {
  const running = new Map<string, Running>()

  async function putLarge(upload: Running, conflict: Conflict, changed: (upload: Running) => void): Promise<void> {
    upload.state = 'running'
    changed(upload)
    const { item, abort } = upload
    try {
      const result = await drive().put(blobSource(item.file), item.path, {
        conflict,
        parents: true,
        signal: abort.signal,
        onProgress(event) {
          if (event.type !== 'progress') return
          upload.sentBytes = Math.min(event.bytes, item.file.size)
          changed(upload)
        },
      })
      finish(upload, result.outcome === 'skipped' ? 'skipped' : 'done', null)
      if (result.outcome !== 'skipped') landed(result.path, item.file)
    } catch (error) {
      fail(upload, await explain(error))
    }
    changed(upload)
  }

  async function putSmall(batch: Running[], conflict: Conflict, changed: (upload: Running) => void): Promise<void> {
    const byPath = new Map(batch.map((upload) => [upload.item.path, upload]))
    const abort = new AbortController()
    for (const upload of batch) {
      upload.state = 'running'
      upload.abort.signal.addEventListener('abort', () => {
        if (batch.every((other) => other.abort.signal.aborted)) abort.abort()
      })
      changed(upload)
    }
    async function* items(): AsyncGenerator<TreeItem> {
      for (const { item, abort: one } of batch) {
        if (one.signal.aborted) continue
        yield { path: item.path, kind: 'file', source: blobSource(item.file), mtimeMs: item.file.lastModified }
      }
    }
    try {
      await drive().putTree(items(), {
        conflict,
        parents: true,
        skipUnchanged: false,
        signal: abort.signal,
        onProgress(event) {
          if (event.type !== 'item') return
          const upload = byPath.get(event.path)
          if (upload === undefined) return
          if (event.outcome === 'failed') fail(upload, failureOf(event.error))
          else finish(upload, event.outcome, null)
          if (event.outcome === 'done') landed(event.path, upload.item.file)
          changed(upload)
        },
      })
      for (const upload of batch) {
        if (upload.state !== 'running') continue
        finish(upload, upload.abort.signal.aborted ? 'cancelled' : 'done', null)
        changed(upload)
      }
    } catch (error) {
      const failure = await explain(error)
      for (const upload of batch) {
        if (upload.state !== 'running') continue
        fail(upload, failure)
        changed(upload)
      }
    }
  }

  return {
    async run(items, conflict, tell) {
      const uploads = items.map((item): Running => {
        const { sentBytes } = item
        const upload: Running = { item, state: 'waiting', sentBytes, error: null, abort: new AbortController() }
        running.set(item.id, upload)
        return upload
      })
      const changes = teller(tell)
      const small = uploads.filter((upload) => upload.item.file.size <= SMALL_BYTES)
      const large = uploads.filter((upload) => upload.item.file.size > SMALL_BYTES)
      const sendSmall = async (): Promise<void> => {
        for (let start = 0; start < small.length; start += SMALL_BATCH) {
          const batch = small.slice(start, start + SMALL_BATCH).filter((upload) => dropCancelled(upload, changes.add))
          if (batch.length > 0) await putSmall(batch, conflict, changes.add)
        }
      }
      const sendLarge = async (): Promise<void> => {
        for (let upload = large.shift(); upload !== undefined; upload = large.shift()) {
          if (dropCancelled(upload, changes.add)) await putLarge(upload, conflict, changes.add)
        }
      }
      await sendSmall()
      await Promise.all(Array.from({ length: LARGE_AT_ONCE }, sendLarge))
      changes.flush()
      for (const { id } of items) running.delete(id)
    },
    cancel(ids) {
      for (const id of ids) running.get(id)?.abort.abort()
    },
  }
}

function finish(upload: Running, state: UploadProgress['state'], error: string | null): void {
  upload.state = state
  upload.error = error
  if (state === 'done') upload.sentBytes = upload.item.file.size
}

/** Of what both end an upload as `quota`, the one that its user can do nothing about. */
const SERVER_FULL = 'storage_full'

function fail(upload: Running, { code, details }: VaultFailure): void {
  const cancelled = upload.abort.signal.aborted || code === 'aborted'
  const isServerFull = details.reason === SERVER_FULL || details.answer === SERVER_FULL
  finish(upload, cancelled ? 'cancelled' : 'failed', cancelled ? null : isServerFull ? SERVER_FULL : code)
}

/** Whether an upload is still wanted. */
function dropCancelled(upload: Running, changed: (upload: Running) => void): boolean {
  if (!upload.abort.signal.aborted) return true
  finish(upload, 'cancelled', null)
  changed(upload)
  return false
}

/** Collects changes and tells them several times a second, as many as there are then. */
function teller(tell: (progress: UploadProgress[]) => void): { add: (upload: Running) => void; flush: () => void } {
  const changed = new Set<Running>()
  let timer: ReturnType<typeof setTimeout> | null = null
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (changed.size === 0) return
    tell([...changed].map(({ item, state, sentBytes, error }) => ({ id: item.id, state, sentBytes, error })))
    changed.clear()
  }
  return {
    add(upload) {
      changed.add(upload)
      timer ??= setTimeout(flush, TELL_MS)
    },
    flush,
  }
}
