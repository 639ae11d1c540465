import { readFileSync } from 'node:fs'
import { descendants } from './pin.ts'

const EVERY_MS = 250

/**
 * Watches what a process and all that it has started take together, until `stop` gives the most, in bytes. Pages that several
 * of them share are counted once (PSS). null off Linux.
 */
export function watchTogether(pid: number): { stop(): number | null } {
  let most: number | null = null
  const look = (): void => {
    const sum = [pid, ...descendants(pid)].reduce((total, each) => total + proportional(each), 0)
    if (sum > 0) most = Math.max(most ?? 0, sum)
  }
  look()
  const timer = setInterval(look, EVERY_MS)
  return {
    stop() {
      clearInterval(timer)
      return most
    },
  }
}

/** 0 for a process that has ended. */
function proportional(pid: number): number {
  try {
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
    return Number(kilobytes ?? 0) * 1024
  } catch {
    return 0
  }
}
