import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { undoAtEnd } from './ending.ts'
import { descendants } from './pin.ts'

/** Short, so that a process that has used its share is back after a few milliseconds. */
const PERIOD_US = 20_000
/** A group can be removed a moment after its last process has ended. */
const [TRIES, PAUSE_MS] = [50, 20]
const TAKES_ROOT = 'control groups may not be changed; that takes root'

/** Where control groups are, and how a share of a core is told. */
interface Groups {
  readonly folder: string
  readonly settings: readonly (readonly [file: string, value: string])[]
}

/**
 * Control groups of either version below `root`, where this system has them.
 *
 * Version 2 gives a group a share only where its parent hands the controller on, which many systems do not do by
 * themselves, and where the parent may: not in a container whose own processes are in the parent.
 */
function groupsOf(root: string, share: number): Groups | string {
  const quota = Math.round(PERIOD_US * share)
  if (existsSync(join(root, 'cgroup.controllers'))) {
    const refusal = handOn(root)
    return refusal ?? { folder: root, settings: [['cpu.max', `${quota} ${PERIOD_US}`]] }
  }
  if (!existsSync(join(root, 'cpu'))) return 'no control groups for the CPU'
  return {
    folder: join(root, 'cpu'),
    settings: [
      ['cpu.cfs_period_us', String(PERIOD_US)],
      ['cpu.cfs_quota_us', String(quota)],
    ],
  }
}

const words = (file: string): string[] => readFileSync(file, 'utf8').split(/\s+/)

/** Has the groups below `root` get the controller of the CPU; says why where that cannot be. */
function handOn(root: string): string | null {
  const handed = join(root, 'cgroup.subtree_control')
  if (!words(join(root, 'cgroup.controllers')).includes('cpu')) return 'no control groups for the CPU'
  if (words(handed).includes('cpu')) return null
  try {
    writeFileSync(handed, '+cpu')
  } catch (error) {
    const isBusy = error instanceof Error && 'code' in error && error.code === 'EBUSY'
    return isBusy ? 'control groups of this container cannot be divided, since processes are in it' : TAKES_ROOT
  }
  undoAtEnd(() => writeFileSync(handed, '-cpu'))
  return null
}

/**
 * Gives a process and its descendants no more than a share of one core, until they end.
 *
 * @param root - where control groups are mounted
 * @returns what removes the limit once they have ended, or why there is none
 */
export function limitCpu(pid: number, share: number, root = '/sys/fs/cgroup'): (() => void) | string {
  const groups = groupsOf(root, share)
  if (typeof groups === 'string') return groups
  const folder = join(groups.folder, `strongroom-bench-${pid}`)
  try {
    mkdirSync(folder, { recursive: true })
  } catch {
    return TAKES_ROOT
  }
  const remove = undoAtEnd(() => removeGroup(folder))
  try {
    for (const [file, value] of groups.settings) writeFileSync(join(folder, file), value)
    for (const each of [pid, ...descendants(pid)]) moveInto(folder, each)
  } catch {
    remove()
    return TAKES_ROOT
  }
  return remove
}

function moveInto(folder: string, pid: number): void {
  try {
    writeFileSync(join(folder, 'cgroup.procs'), String(pid))
  } catch (error) {
    // It has ended.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return
    throw error
  }
}

function removeGroup(folder: string): void {
  for (let tries = 1; existsSync(folder); tries += 1) {
    try {
      rmdirSync(folder)
    } catch (error) {
      if (tries === TRIES) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
}
