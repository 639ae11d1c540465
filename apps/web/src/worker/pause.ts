/** Waits, at most until the browser says that there is a network again or the signal is set. */
export function pauseUntilOnline(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const over = (): void => {
      clearTimeout(timer)
      self.removeEventListener('online', over)
      signal.removeEventListener('abort', over)
      done()
    }
    const timer = setTimeout(over, ms)
    self.addEventListener('online', over)
    signal.addEventListener('abort', over)
    if (signal.aborted) over()
  })
}
