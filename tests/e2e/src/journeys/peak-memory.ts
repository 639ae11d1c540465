import { readFileSync } from 'node:fs'

const PERIOD_MS = 25

/** Peak resident memory of a running process in bytes, as Linux counts it. */
export function peakMemory(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (line === null) throw new Error('The process has no VmHWM.')
  return Number(line[1]) * 1024
}

/** Watches a process until it ends; `stop` gives the largest peak that was seen, in bytes. */
export function watchPeakMemory(pid: number): { stop(): number } {
  let peak = 0
  const look = (): void => {
    try {
      peak = Math.max(peak, peakMemory(pid))
    } catch {
      // Reason: it has ended; what was seen last is its peak.
    }
  }
  look()
  const timer = setInterval(look, PERIOD_MS)
  return {
    stop: () => {
      clearInterval(timer)
      return peak
    },
  }
}
