import { open, stat } from 'node:fs/promises'
import path from 'node:path'
import { BlobStoreError, type ByteRange } from '../../ports/index.ts'
import { systemCode } from '../system-code.ts'
import { storeError } from './disk.ts'
import type { PartFile } from './manifest.ts'

const READ_BYTES = 512 * 1024

/**
 * Compares the part files of a range with their manifest.
 * Reason: once the first byte of an answer is out, a part that was cut can only look like a broken connection.
 *
 * @throws BlobStoreError `damaged`
 */
export async function checkParts(object: string, parts: readonly PartFile[], range: ByteRange): Promise<void> {
  const end = range.offset + range.length
  for (const part of parts) {
    if (part.offset >= end || part.offset + part.length <= range.offset) continue
    const found = await stat(path.join(object, part.name)).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error
      return null
    })
    if (found?.size !== part.length) throw new BlobStoreError('damaged', 'a part of an object was cut or is gone')
  }
}

/** The bytes of a range that may run over several part files; the files are opened one at a time. */
export async function* readAcross(
  object: string,
  parts: readonly PartFile[],
  range: ByteRange,
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
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') throw new BlobStoreError('not_found', 'the object was deleted meanwhile')
    throw storeError(error)
  })
  try {
    for (let at = from; at < to; ) {
      // A fresh buffer each time: whoever takes it may still be sending it when the next is asked for.
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, to - at))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) throw new BlobStoreError('damaged', 'a file of the store is shorter than it was')
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw storeError(error)
  } finally {
    await handle.close()
  }
}
