import { open } from 'node:fs/promises'

/**
 * Makes the entries of folders durable, many callers at once by one call of the operating system.
 *
 * Invariant: the promise resolves only after a sync that began after the call, so that it covers what the caller did.
 */
export function folderSync(): (folder: string) => Promise<void> {
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()

  async function sync(folder: string): Promise<void> {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  function begin(folder: string): Promise<void> {
    const promise = sync(folder).finally(() => {
      running.delete(folder)
    })
    running.set(folder, promise)
    return promise
  }

  return (folder) => {
    const current = running.get(folder)
    if (current === undefined) return begin(folder)
    const queued = waiting.get(folder)
    if (queued !== undefined) return queued
    const next = current
      .catch(() => undefined)
      .then(() => {
        waiting.delete(folder)
        return begin(folder)
      })
    waiting.set(folder, next)
    return next
  }
}
