import { readdirSync, readFileSync } from 'node:fs'
import { isInstalled, outputOf } from './programs.ts'

/** Gives a process, its threads and all its descendants one core; false where that cannot be. */
export function pin(pid: number, core: number): boolean {
  if (!isInstalled('taskset')) return false
  for (const each of [pid, ...descendants(pid)]) {
    try {
      outputOf('taskset', ['-a', '-p', '-c', String(core), String(each)])
    } catch {
      if (each === pid) return false
    }
  }
  return true
}

function descendants(pid: number): number[] {
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

/** CPU milliseconds that a process has used, all its threads together. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  // utime and stime, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) * 10
}
