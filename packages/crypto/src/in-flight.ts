/**
 * Runs `task` for 0 … count − 1 with at most `limit` unfinished at a time; the first failure ends it.
 *
 * Settles only when no task is running any more, so that a caller may wipe or reuse the buffers.
 */
export async function inFlight(count: number, limit: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  let failed = false
  const worker = async (): Promise<void> => {
    while (next < count && !failed) {
      const index = next++
      try {
        await task(index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: Math.min(limit, count) }, worker))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
