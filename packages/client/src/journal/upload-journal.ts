import type { BlobId } from '@strongroom/crypto'
import type { Transfer } from './transfers.ts'
import {
  type BegunUpload,
  type ConfirmedPart,
  decodeUpload,
  encodeUpload,
  type UploadIds,
  type UploadRecord,
} from './upload-record.ts'

/** What is remembered of one upload until its commit. */
export interface UploadJournal {
  /** Ids of the node and version that are to be: those of an earlier attempt that did not get as far as its commit. */
  readonly ids: UploadIds
  /** Ids of the earlier attempt where the vault refers to its blob: it was committed. */
  readonly committed: UploadIds | null
  /** What an earlier attempt left. Handed out once: what did not work is not tried again. The taker owns the DEK. */
  takeEarlier(): UploadRecord | null
  /** Writes down a new blob, in place of an earlier one, before anything of it is sent; borrows the DEK till `close`. */
  begin(begun: BegunUpload): Promise<void>
  /** Goes on with the blob of `earlier`; borrows the DEK till `close`. */
  resume(earlier: UploadRecord): void
  /** Adds a part, or takes the place of what was known of it. */
  confirm(part: ConfirmedPart): void
  /** Makes sure that what is known so far survives this process. */
  flush(): Promise<void>
  /** The upload is committed, or not wanted. */
  remove(): Promise<void>
  /** Ends the work at it and keeps the record. Idempotent. */
  close(): Promise<void>
}

/** Reads the journal of an upload; `fresh` are the ids where none are left. */
export async function uploadJournal(
  transfer: Transfer,
  fresh: UploadIds,
  isInVault: (blobId: BlobId) => boolean,
): Promise<UploadJournal> {
  let earlier = await readRecord(transfer)
  const committed = earlier !== null && isInVault(earlier.begun.blobId) ? earlier.ids : null
  const ids = committed === null && earlier !== null ? earlier.ids : fresh
  let begun: BegunUpload | null = null
  let closed = false
  const parts = new Map<number, ConfirmedPart>()
  const save = (): void => {
    const current = begun
    if (current === null) return
    transfer.save(() => encodeUpload({ ids, begun: current, parts: [...parts.values()] }))
  }
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    earlier?.begun.dek.dispose()
    begun = null
    await transfer.release()
  }
  return {
    ids,
    committed,
    takeEarlier() {
      const taken = earlier
      earlier = null
      return taken
    },
    async begin(next) {
      begun = next
      parts.clear()
      save()
      await transfer.flush()
    },
    resume(record) {
      begun = record.begun
      parts.clear()
      for (const part of record.parts) parts.set(part.index, part)
    },
    confirm(part) {
      parts.set(part.index, part)
      save()
    },
    flush: () => transfer.flush(),
    async remove() {
      await transfer.remove()
      await close()
    },
    async close() {
      await transfer.flush().catch(() => undefined)
      await close()
    },
  }
}

async function readRecord(transfer: Transfer): Promise<UploadRecord | null> {
  const bytes = await transfer.load()
  if (bytes === null) return null
  try {
    return decodeUpload(bytes)
  } catch {
    await transfer.remove()
    return null
  }
}
