import { readdirSync, readFileSync } from 'node:fs'
import { isInstalled, outputOf } from './programs.ts'

/** Gives a process, its threads and all its descendants one core, or those up to `last`; false where that cannot be. */
export function pin(pid: number, core: number, last = core): boolean {
  if (!isInstalled('taskset')) return false
  for (const each of [pid, ...descendants(pid)]) {
    try {
      outputOf('taskset', ['-a', '-p', '-c', `${core}-${last}`, String(each)])
    } catch {
      if (each === pid) return false
    }
  }
  return true
}

/** Process ids of all that a process has started, and they in turn. */
export function descendants(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid)
  return children.flatMap((child) => [child, ...descendants(child)])
}

/** Process id of a process's parent; 0 where it has ended. */
export function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** What the system calls a process; empty where it has ended. */
export function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

/** CPU milliseconds that a process has used, all its threads together; 0 where it has ended. */
export function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    // utime and stime, in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}
