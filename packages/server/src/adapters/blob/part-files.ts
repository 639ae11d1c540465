import { createReadStream } from 'node:fs'
import path from 'node:path'
import { BlobStoreError } from '../../ports/index.ts'
import { systemCode } from '../system-code.ts'
import { storeError } from './disk.ts'
import type { PartFile } from './manifest.ts'

const READ_BYTES = 256 * 1024

/** The bytes of a range that may run over several part files; the files are opened one at a time. */
export async function* readAcross(
  object: string,
  parts: readonly PartFile[],
  range: { readonly offset: number; readonly length: number },
): AsyncIterable<Uint8Array> {
  const end = range.offset + range.length
  for (const part of parts) {
    const from = Math.max(range.offset, part.offset) - part.offset
    const to = Math.min(end, part.offset + part.length) - part.offset
    if (from >= to) continue
    yield* readFilePiece(part.name === '' ? object : path.join(object, part.name), from, to)
  }
}

async function* readFilePiece(file: string, from: number, to: number): AsyncIterable<Uint8Array> {
  let received = 0
  try {
    const stream = createReadStream(file, { start: from, end: to - 1, highWaterMark: READ_BYTES })
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      received += chunk.length
      yield chunk
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new BlobStoreError('not_found', 'the object was deleted meanwhile')
    throw storeError(error)
  }
  if (received !== to - from) throw new BlobStoreError('unavailable', 'a file of the store is shorter than it was')
}
