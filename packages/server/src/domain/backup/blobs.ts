import { createHash } from 'node:crypto'
import type { BackupFolder } from '../../ports/index.ts'
import { type BlobStore, BlobStoreError } from '../../ports/index.ts'
import { partCount, partLength } from '../blobs/layout.ts'
import { equal } from '../bytes.ts'
import { blobFile } from './manifest.ts'

const DIGEST = 32

/** A blob as its dumped row tells of it. */
export interface DumpedBlob {
  /** Hex. */
  readonly id: string
  readonly state: string
  readonly length: number
  readonly partSize: number
  readonly digests: Uint8Array
}

/** Bytes that are not those of the digests. */
export class WrongBytes extends Error {
  constructor() {
    super('the bytes of a blob are not those of its digests')
    this.name = 'WrongBytes'
  }
}

/** The blob of a dumped row; null for one that has no object, or whose row does not hang together. */
export function dumpedBlob(line: string): DumpedBlob | null {
  const row = JSON.parse(line) as {
    id: string
    state: string
    length: number | null
    part_size: number
    digests: string | null
  }
  if (!['stored', 'live', 'condemned'].includes(row.state) || row.length === null || row.digests === null) return null
  const digests = Buffer.from(row.digests.slice(2), 'hex')
  if (row.length < 1 || digests.length !== partCount(row.length, row.part_size) * DIGEST) return null
  return { id: row.id.slice(2), state: row.state, length: row.length, partSize: row.part_size, digests }
}

/**
 * Passes a blob's bytes on and compares each part with its digest.
 *
 * @throws WrongBytes, at the latest at the end
 */
export async function* checked(blob: DumpedBlob, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let part = 0
  let hash = createHash('sha256')
  let left = partLength(blob.length, blob.partSize, 0)
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) throw new WrongBytes()
      const piece = chunk.subarray(at, at + left)
      hash.update(piece)
      left -= piece.length
      at += piece.length
      if (left > 0) continue
      if (!equal(hash.digest(), blob.digests.subarray(part * DIGEST, (part + 1) * DIGEST))) throw new WrongBytes()
      part += 1
      hash = createHash('sha256')
      left = part < partCount(blob.length, blob.partSize) ? partLength(blob.length, blob.partSize, part) : 0
    }
    yield chunk
  }
  if (part !== partCount(blob.length, blob.partSize)) throw new WrongBytes()
}

/**
 * Copies a blob into the folder, unless it is there.
 *
 * @returns `kept` where it was there, `missing` where the store has it not, or not as its digests say
 */
export async function copyBlob(
  deps: { readonly store: Pick<BlobStore, 'read'>; readonly folder: BackupFolder },
  blob: DumpedBlob,
): Promise<'copied' | 'kept' | 'missing'> {
  const file = blobFile(blob.id)
  // Invariant: a file gets its name only once it is whole, and its digests were compared.
  if ((await deps.folder.length(file)) === blob.length) return 'kept'
  try {
    const bytes = await deps.store.read(Buffer.from(blob.id, 'hex'))
    await deps.folder.write(file, checked(blob, bytes))
    return 'copied'
  } catch (error) {
    const lost = error instanceof BlobStoreError && ['not_found', 'damaged', 'range_invalid'].includes(error.code)
    if (lost || error instanceof WrongBytes) return 'missing'
    throw error
  }
}
