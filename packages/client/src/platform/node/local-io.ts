import { type FileHandle, open } from 'node:fs/promises'
import { ClientError } from '../../errors.ts'

/** Makes a rename durable, where the platform can open folders. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!isCode(error, 'EISDIR', 'EPERM', 'EINVAL', 'EACCES')) throw error
  }
}

/**
 * Bytes that go to the file system at once.
 *
 * Reason: from two megabytes on, Linux takes memory for them in blocks so large that a virtual machine has mostly given
 * theirs back to its host; having it back costs several times what writing costs.
 */
const WRITE_BYTES = 512 * 1024

/** Writes all of `bytes` from `position` on. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(WRITE_BYTES, bytes.length - done)
    done += (await file.write(bytes, done, length, position + done)).bytesWritten
  }
}

export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** A file-system error without the path that its message would show. */
export function localError(cause: unknown): ClientError {
  if (cause instanceof ClientError) return cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  return new ClientError('local_io', `A local file operation failed (${code}).`, { cause, details: { errno: code } })
}

export async function localIo<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    throw localError(cause)
  }
}
