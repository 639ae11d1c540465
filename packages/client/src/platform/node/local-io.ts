import { open } from 'node:fs/promises'
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
