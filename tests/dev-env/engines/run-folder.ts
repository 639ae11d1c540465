import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

const VARIABLE = 'STRONGROOM_RUN_FOLDER'
/** Longer paths of sockets are refused by the operating system; Ceph's add 40 characters. */
const LONGEST = 50

/** Kills what runs once its standard input ends, which it does with whoever started it, however that ends. */
const GUARD = `
cd /
exec 3<&0 </dev/null
read -r line <&3
for file in "$1"/pids/*; do kill -9 "$(cat "$file")" 2>/dev/null; done
sleep 0.2
rm -rf "$1"
`

/**
 * Vitest global set-up of a whole run: a folder in which its test files share engines (Ceph), and what ends them.
 */
export async function setup(): Promise<() => Promise<void>> {
  const base = tmpdir().length > LONGEST ? '/tmp' : tmpdir()
  const folder = await mkdtemp(path.join(base, 'sr-'))
  await mkdir(path.join(folder, 'pids'))
  const guard = spawn('/bin/sh', ['-c', GUARD, 'strongroom-engines', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.stdin.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => guard.once('close', () => resolve()))
  process.env[VARIABLE] = folder
  return async () => {
    delete process.env[VARIABLE]
    guard.stdin.end()
    await ended
  }
}

/** The folder of this run. @throws Error outside of one */
export function runFolder(): string {
  const folder = process.env[VARIABLE]
  if (folder === undefined) throw new Error('engines are shared by the test files of a run of Vitest')
  return folder
}

/** Has a process ended with the run. */
export async function endWithRun(name: string, pid: number): Promise<void> {
  await writeFile(path.join(runFolder(), 'pids', name), String(pid))
}
