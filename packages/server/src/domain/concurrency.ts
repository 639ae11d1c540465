/**
 * Runs a task for each item, at most `limit` at once. After a failure no new ones begin; the running ones are waited
 * for, so that nothing goes on behind the caller's back, and the first failure is thrown.
 */
export async function eachConcurrently<T>(
  items: readonly T[],
  limit: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  let failure: { error: unknown } | null = null
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failure !== null) return
      try {
        await task(item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  // Set inside the workers, which the compiler does not follow.
  const failed = failure as { error: unknown } | null
  if (failed !== null) throw failed.error
}
