import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

const OLDEST = [20, 19]

/** Ends the process with one line when Node is older than the product runs on. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  console.error(`Strongroom needs Node ${OLDEST.join('.')} or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

/** Installs the dependencies when they are missing or the lockfile has changed since. */
export function installDependencies() {
  const lockfile = join(ROOT, 'package-lock.json')
  const stampFile = join(ROOT, 'node_modules/.strongroom-lock')
  const stamp = createHash('sha256').update(readFileSync(lockfile)).digest('hex')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  // Reason: npm writes this file last; where it is newer than the lockfile, someone ran npm ci by hand.
  const npmsRecord = join(ROOT, 'node_modules/.package-lock.json')
  if (!existsSync(stampFile) && existsSync(npmsRecord) && statSync(npmsRecord).mtimeMs >= statSync(lockfile).mtimeMs) {
    writeFileSync(stampFile, stamp)
    return
  }
  // Reason: standard output may be for a program that reads it.
  console.error('Installing dependencies (npm ci) …')
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['inherit', process.stderr, 'inherit'],
    shell: process.platform === 'win32',
  })
  if (result.status !== 0) {
    console.error('npm ci failed; its message is above. Check the network and the free space, then run this again.')
    process.exit(1)
  }
  writeFileSync(stampFile, stamp)
}
