import { type Attachment, ClientError, type Drive } from '@strongroom/client'
import { previewKind } from '../preview-kind.ts'
import { THUMBNAIL_BYTES, THUMBNAIL_SLOT, thumbnailType } from '../thumbnail-format.ts'
import { readBytes } from './downloads.ts'
import { failureOf } from './failures.ts'
import type { ThumbnailMaker } from './thumbnail-maker.ts'
import type { ThumbnailFound, ThumbnailWish, VaultFailure } from './vault-api.ts'

/** Larger pictures are not fetched, or read, only to be shown small. */
const MOST_SOURCE = 32 * 1024 * 1024
/** Read in one request, so that what is scrolled away meanwhile is not waited for. */
const READ_AT_ONCE = 48
const READ_JOBS = 8
/** Pictures that are fetched side by side; they are decoded one by one. */
const LANES = 2
/** Made ones that are attached in one commit, at most after so long. */
const ATTACH_AT_ONCE = 100
const ATTACH_AFTER_MS = 5_000
/** Uploads whose pictures wait to be made small. */
const MOST_UPLOADED = 5_000

/** What ends the session, and so is told. */
const ENDING: readonly string[] = ['authentication', 'integrity', 'account_disabled', 'upgrade_required']

export interface Thumbnails {
  /** Told of what is found or made; `failed` once of what ends everything. */
  follow(tell: (found: ThumbnailFound) => void, failed: (failure: VaultFailure) => void): void
  /** What is to be shown now, in place of what was wanted before. @param mayMake - what has none may be fetched for it */
  want(wishes: readonly ThumbnailWish[], mayMake: boolean): void
  /** A file that lies at a path now, made small without fetching it. */
  uploaded(path: string, file: Blob): void
  stop(): void
}

interface Task {
  readonly nodeId: string
  readonly versionId: string
  /** From an upload; null is fetched. */
  readonly file: Blob | null
}

// [Note: Thumbnails] What is seen and has none gets one from whichever device is first: at the upload, or when its row is
// on the screen. Each is a content of its version, so the log decides between devices that were equally quick; what many
// files get is one commit. Nothing here is ever shown as an error, but what ends the whole session.

/** Reads, makes and attaches thumbnails; everything that is not wanted any more is left. */
export function createThumbnails(drive: () => Drive, maker: ThumbnailMaker): Thumbnails {
  let tell: (found: ThumbnailFound) => void = () => undefined
  let failed: (failure: VaultFailure) => void = () => undefined
  let wishes = new Map<string, ThumbnailWish>()
  let mayMake = false
  let isReading = false
  let lanes = 0
  let isFull = false
  let life = new AbortController()
  const inHand = new Set<string>()
  /** Versions of which none can be made here. */
  const hopeless = new Set<string>()
  const uploads = new Map<string, Task>()
  let made: Attachment[] = []
  let attaching: Promise<void> = Promise.resolve()
  let attachTimer: ReturnType<typeof setTimeout> | undefined

  /** What passes by itself is tried at another time. */
  const give = (error: unknown, { aborted }: AbortSignal): void => {
    if (aborted) return
    const failure = failureOf(error)
    if (failure.code === 'quota') isFull = true
    if (!ENDING.includes(failure.code)) return
    wishes.clear()
    failed(failure)
  }

  const hasOne = (nodeId: string): boolean => {
    const size = drive().slots(nodeId)?.sizes.get(THUMBNAIL_SLOT)
    return size !== undefined && size <= THUMBNAIL_BYTES
  }

  const found = (nodeId: string, versionId: string, bytes: Uint8Array<ArrayBuffer>): void => {
    wishes.delete(nodeId)
    const type = thumbnailType(bytes)
    tell({ nodeId, versionId, type, bytes: type === null ? new Uint8Array(0) : bytes })
  }

  async function read(): Promise<void> {
    if (isReading) return
    isReading = true
    const { signal } = life
    try {
      for (;;) {
        const ids = [...wishes.keys()].filter((nodeId) => hasOne(nodeId)).slice(0, READ_AT_ONCE)
        if (ids.length === 0 || signal.aborted) return
        for (const id of ids) inHand.add(id)
        try {
          const options = { most: THUMBNAIL_BYTES, jobs: READ_JOBS, signal }
          for await (const one of drive().readSlots(THUMBNAIL_SLOT, ids, options)) {
            found(one.nodeId, one.versionId, one.bytes)
          }
        } finally {
          for (const id of ids) {
            inHand.delete(id)
            wishes.delete(id)
          }
        }
      }
    } finally {
      isReading = false
    }
  }

  /** The next to make: first what was uploaded here, then what is on the screen. */
  function nextTask(): Task | null {
    for (const [versionId, task] of uploads) {
      uploads.delete(versionId)
      if (isOpen(task)) return task
    }
    if (!mayMake || isFull) return null
    for (const { nodeId } of wishes.values()) {
      const entry = drive().entryById(nodeId)
      const versionId = entry?.versionId
      if (entry === null || versionId === undefined || inHand.has(nodeId) || !isSmallPicture(entry)) continue
      const task = { nodeId, versionId, file: null }
      if (isOpen(task)) return task
    }
    return null
  }

  /** Whether the file's newest version is still this, without a thumbnail, and none is known to be impossible. */
  function isOpen({ nodeId, versionId }: Task): boolean {
    const slots = drive().slots(nodeId)
    return slots?.versionId === versionId && !slots.sizes.has(THUMBNAIL_SLOT) && !hopeless.has(versionId)
  }

  async function lane(): Promise<void> {
    const { signal } = life
    for (let task = nextTask(); task !== null && !signal.aborted; task = nextTask()) {
      const { nodeId, versionId } = task
      inHand.add(nodeId)
      try {
        const bytes = await maker.make(task.file ?? (await fetched(nodeId)))
        if (signal.aborted) return
        // Reason: what failed once would fail again; another session or device may try.
        hopeless.add(versionId)
        if (bytes === null) continue
        made.push({ nodeId, versionId, bytes })
        found(nodeId, versionId, bytes.slice())
        if (made.length >= ATTACH_AT_ONCE) attachMade()
        else attachTimer ??= setTimeout(attachMade, ATTACH_AFTER_MS)
      } catch (error) {
        const { code } = failureOf(error)
        if (code === 'network' || code === 'aborted' || ENDING.includes(code)) throw error
        hopeless.add(versionId)
      } finally {
        inHand.delete(nodeId)
      }
    }
  }

  async function fetched(nodeId: string): Promise<Blob> {
    const entry = drive().entryById(nodeId)
    if (entry === null) throw new ClientError('not_found', 'The file is not there any more.')
    return new Blob([await readBytes(drive(), { path: entry.path, version: null, offset: 0, length: entry.size })])
  }

  function make(): void {
    const { signal } = life
    while (lanes < LANES) {
      lanes += 1
      void lane()
        .catch((error: unknown) => give(error, signal))
        .finally(() => {
          lanes -= 1
          if (lanes === 0) maker.rest()
        })
    }
  }

  function attachMade(): void {
    clearTimeout(attachTimer)
    attachTimer = undefined
    const batch = made
    made = []
    if (batch.length === 0) return
    const { signal } = life
    // Reason: two commits of one device would only be rebased on each other.
    attaching = attaching.then(async () => {
      if (!signal.aborted) await drive().attach(THUMBNAIL_SLOT, batch, { signal })
    })
    attaching = attaching.catch((error: unknown) => give(error, signal))
  }

  function work(): void {
    const { signal } = life
    void read().catch((error: unknown) => give(error, signal))
    make()
  }

  return {
    follow(told, ended) {
      tell = told
      failed = ended
    },
    want(wanted, may) {
      mayMake = may
      wishes = new Map()
      for (const wish of wanted) {
        const slots = drive().slots(wish.nodeId)
        if (slots === null || slots.versionId === wish.versionId || inHand.has(wish.nodeId)) continue
        wishes.set(wish.nodeId, wish)
      }
      // What is hidden may be closed at any moment.
      if (!may) attachMade()
      work()
    },
    uploaded(path, file) {
      if (isFull || uploads.size >= MOST_UPLOADED || !isSmallPicture({ name: path, size: file.size })) return
      const [entry] = drive().listLocal(path)
      if (entry?.versionId === undefined || entry.size !== file.size) return
      uploads.set(entry.versionId, { nodeId: entry.nodeId, versionId: entry.versionId, file })
      make()
    },
    stop() {
      life.abort()
      life = new AbortController()
      clearTimeout(attachTimer)
      attachTimer = undefined
      made = []
      wishes.clear()
      uploads.clear()
      hopeless.clear()
      isFull = false
      maker.rest()
    },
  }
}

function isSmallPicture({ name, size }: { name: string; size: number }): boolean {
  return size > 0 && size <= MOST_SOURCE && previewKind(name) === 'image' && !name.toLowerCase().endsWith('.svg')
}
