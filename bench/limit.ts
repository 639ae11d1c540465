import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { descendants } from './pin.ts'

/** Short, so that a process that has used its share is back after a few milliseconds. */
const PERIOD_US = 20_000

interface Limits {
  readonly folder: string
  readonly settings: readonly (readonly [file: string, value: string])[]
}

/** Control groups of either version, where this system has them. */
function limitsOf(name: string, share: number): Limits | null {
  const quota = Math.round(PERIOD_US * share)
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) {
    return { folder: join('/sys/fs/cgroup', name), settings: [['cpu.max', `${quota} ${PERIOD_US}`]] }
  }
  if (!existsSync('/sys/fs/cgroup/cpu')) return null
  return {
    folder: join('/sys/fs/cgroup/cpu', name),
    settings: [
      ['cpu.cfs_period_us', String(PERIOD_US)],
      ['cpu.cfs_quota_us', String(quota)],
    ],
  }
}

/**
 * Gives a process and its descendants no more than a share of one core, until they end.
 *
 * @returns what removes the limit once they have ended, or why there is none
 */
export function limitCpu(pid: number, share: number): (() => void) | string {
  const limits = limitsOf(`strongroom-bench-${pid}`, share)
  if (limits === null) return 'no control groups'
  try {
    mkdirSync(limits.folder)
    for (const [file, value] of limits.settings) writeFileSync(join(limits.folder, file), value)
    for (const each of [pid, ...descendants(pid)]) writeFileSync(join(limits.folder, 'cgroup.procs'), String(each))
  } catch {
    return 'control groups may not be changed; that takes root'
  }
  return () => rmdirSync(limits.folder)
}
