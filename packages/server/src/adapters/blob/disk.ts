import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import path from 'node:path'
import { BlobStoreError } from '../../ports/index.ts'
import { systemCode } from '../system-code.ts'

/** What an error of the file system means to the caller of the store. */
export function storeError(error: unknown): unknown {
  if (error instanceof BlobStoreError) return error
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new BlobStoreError('full', 'the disk of the blob store is full', { cause: error })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'EIO':
    case 'EMFILE':
    case 'ENFILE':
      return new BlobStoreError('unavailable', 'the folder of the blob store cannot be used', { cause: error })
    default:
      return error
  }
}

/** Bytes that go to the file system at once: a call costs more than the bytes of a piece as they come from a socket. */
const WRITE_BYTES = 512 * 1024

export interface Announced {
  readonly length: number
  readonly sha256: Uint8Array
}

/** Writes a durable file under a fresh name in `folder`; nothing is left behind where that fails. */
export async function writeTemporary(folder: string, bytes: Uint8Array): Promise<string> {
  async function* whole(): AsyncIterable<Uint8Array> {
    yield bytes
  }
  return writeStream(folder, whole(), null)
}

/**
 * The same for a stream of bytes, compared with what was announced while they pass.
 * @throws BlobStoreError `length_mismatch`, `digest_mismatch`
 */
export async function writeStream(
  folder: string,
  body: AsyncIterable<Uint8Array>,
  announced: Announced | null,
): Promise<string> {
  const file = path.join(folder, randomBytes(12).toString('hex'))
  const handle = await open(file, 'wx', 0o600)
  let writing: Promise<void> = Promise.resolve()
  try {
    const hash = createHash('sha256')
    let length = 0
    let pieces: Uint8Array[] = []
    let waiting = 0
    for await (const chunk of body) {
      length += chunk.length
      if (announced !== null && length > announced.length) {
        throw new BlobStoreError('length_mismatch', 'more bytes than announced')
      }
      if (announced !== null) hash.update(chunk)
      pieces.push(chunk)
      waiting += chunk.length
      if (waiting < WRITE_BYTES) continue
      await writing
      // The file system writes while this thread hashes what follows.
      writing = writeAll(handle, pieces)
      writing.catch(() => undefined)
      pieces = []
      waiting = 0
    }
    await writing
    await writeAll(handle, pieces)
    if (announced !== null) {
      if (length !== announced.length) throw new BlobStoreError('length_mismatch', 'fewer bytes than announced')
      if (!hash.digest().equals(announced.sha256)) throw new BlobStoreError('digest_mismatch', 'the digest differs')
    }
    await handle.datasync()
    await handle.close()
    return file
  } catch (error) {
    await writing.catch(() => undefined)
    await handle.close().catch(() => undefined)
    await remove(file)
    throw error
  }
}

async function writeAll(handle: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  let left = pieces.filter((piece) => piece.length > 0)
  while (left.length > 0) {
    let { bytesWritten } = await handle.writev(left)
    const rest: Uint8Array[] = []
    for (const piece of left) {
      if (bytesWritten < piece.length) rest.push(piece.subarray(bytesWritten))
      bytesWritten = Math.max(0, bytesWritten - piece.length)
    }
    left = rest
  }
}

/** Removes a file, if it is there; `rm` would look at it first. */
async function remove(file: string): Promise<void> {
  await unlink(file).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error
  })
}

/** Gives a durable file a second name, write-once: false where that is taken. */
export async function linkOnce(file: string, target: string): Promise<boolean> {
  try {
    await link(file, target)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

/** Moves a durable file to its name, write-once: false where that is taken. The temporary name goes either way. */
export async function publish(temporary: string, target: string): Promise<boolean> {
  try {
    return await linkOnce(temporary, target)
  } finally {
    await remove(temporary)
  }
}
