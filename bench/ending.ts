import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { descendants, nameOf } from './pin.ts'
import { outputOf } from './programs.ts'

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
/** Rounds of killing: who is killed may have started another one meanwhile. */
const ROUNDS = 5

const undone = new Set<() => void>()

/**
 * Has something undone once all that was started has ended, however this process ends; what was told last, first.
 *
 * @returns what undoes it earlier
 */
export function undoAtEnd(undo: () => void): () => void {
  undone.add(undo)
  return () => {
    if (undone.delete(undo)) undo()
  }
}

/**
 * A folder for all temporary files of this process and of what it starts. However the process ends, what it has started
 * ends as well, and the folder is removed; a signal that ends it does so at once.
 *
 * @param interrupted - called before it ends by a signal
 * @throws Error where the temporary folder takes none
 */
export function cleanAtEnd(interrupted: () => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'sr-bench-'))
  // Databases run as another user.
  chmodSync(folder, 0o711)
  process.env.TMPDIR = folder
  process.once('exit', () => {
    each(Array.from({ length: ROUNDS }, () => killStarted))
    each(mountsBelow(folder).map((mounted) => () => outputOf('fusermount3', ['-u', '-z', mounted])))
    each([...undone].reverse())
    each([() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })])
  })
  let isEnding = false
  for (const [signal, number] of Object.entries(SIGNALS)) {
    // Reason: not once, because a terminal and who started this tell it both, and the second would stop the cleaning.
    process.on(signal, () => {
      if (isEnding) return
      isEnding = true
      interrupted()
      process.exit(128 + number)
    })
  }
}

/** What fails keeps nothing that comes after it from being done. */
function each(tasks: readonly (() => void)[]): void {
  for (const task of tasks) {
    try {
      task()
    } catch (error) {
      process.exitCode ||= 1
      console.error(`Not cleaned up: ${error instanceof Error ? error.message : error}`)
    }
  }
}

function killStarted(): void {
  // Reason: the shells are those that end engines with this process.
  for (const pid of descendants(process.pid).filter((started) => nameOf(started) !== 'sh')) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
}

function mountsBelow(folder: string): string[] {
  try {
    const places = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
    return places.filter((place) => place.startsWith(folder + sep))
  } catch {
    // No such file: not Linux.
    return []
  }
}
