import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { descendants, nameOf } from './pin.ts'
import { outputOf } from './programs.ts'

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/**
 * A folder for all temporary files of this process and of what it starts. However the process ends, what it has started
 * ends as well, and the folder is removed; a signal that ends it does so at once.
 */
export function cleanAtEnd(): void {
  const folder = mkdtempSync(join(tmpdir(), 'sr-bench-'))
  // Databases run as another user.
  chmodSync(folder, 0o711)
  process.env.TMPDIR = folder
  process.once('exit', () => {
    // Reason: the shells are those that end engines with this process.
    const started = descendants(process.pid).filter((pid) => nameOf(pid) !== 'sh')
    for (const pid of started) kill(pid)
    for (const mounted of mountsBelow(folder)) outputOf('fusermount3', ['-u', '-z', mounted])
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  })
  for (const [signal, number] of Object.entries(SIGNALS)) process.once(signal, () => process.exit(128 + number))
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
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
