import { type BlobId, concat, equalBytes, readU32, u8, u32 } from '@strongroom/crypto'
import { PLAINTEXT_MAC_LENGTH as MAC_LENGTH } from '../content/inline.ts'
import type { Transfer } from './transfers.ts'

/** What is remembered of one download: a MAC of the plaintext of each part that was written, from the first on. */
export interface DownloadJournal {
  /** Hex id of the transfer. */
  readonly id: string
  readonly macKey: Uint8Array
  /** Of the parts that an earlier attempt has written. */
  readonly earlier: readonly Uint8Array[]
  /** Forgets all but the first `count` parts. */
  keep(count: number): void
  add(mac: Uint8Array): void
  remove(): Promise<void>
  /** Ends the work at it and keeps the record. */
  close(): Promise<void>
}

const VERSION = 2
const ID_LENGTH = 16
const KEY_LENGTH = 32

interface Stored {
  readonly macKey: Uint8Array
  readonly macs: Uint8Array[]
}

/** Reads the journal of a download of this blob; one of another blob, which the file held before, counts for nothing. */
export async function downloadJournal(
  transfer: Transfer,
  { blobId, freshKey }: { blobId: BlobId; freshKey: Uint8Array },
): Promise<DownloadJournal> {
  const bytes = await transfer.load()
  const stored = (bytes === null ? null : decode(bytes, blobId)) ?? { macKey: freshKey, macs: [] }
  let macs = stored.macs
  const { macKey } = stored
  return {
    id: transfer.id,
    macKey,
    earlier: [...macs],
    keep(count) {
      macs = macs.slice(0, count)
    },
    add(mac) {
      macs.push(mac.slice())
      transfer.save(() => concat(u8(VERSION), blobId, macKey, u32(macs.length), ...macs))
    },
    async remove() {
      await transfer.remove()
    },
    async close() {
      await transfer.flush().catch(() => undefined)
      await transfer.release()
    },
  }
}

/** null for another version or blob, or what is no journal. */
function decode(bytes: Uint8Array, blobId: BlobId): Stored | null {
  const head = 1 + ID_LENGTH + KEY_LENGTH + 4
  if (bytes.length < head || bytes[0] !== VERSION || !equalBytes(bytes.subarray(1, 1 + ID_LENGTH), blobId)) return null
  const count = readU32(bytes, head - 4)
  if (bytes.length !== head + count * MAC_LENGTH) return null
  const macs = Array.from({ length: count }, (_, index) => {
    const at = head + index * MAC_LENGTH
    return bytes.slice(at, at + MAC_LENGTH)
  })
  return { macKey: bytes.slice(1 + ID_LENGTH, 1 + ID_LENGTH + KEY_LENGTH), macs }
}
