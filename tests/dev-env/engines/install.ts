import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Names by which `STRONGROOM_WITHOUT` leaves engines out. */
export type Engine = 'ceph' | 'hsm' | 'postgres' | 'haproxy' | 'firefox' | 'systemd'

/** Of dpkg-query: one word a package. */
const STATUS = `-f=\${db:Status-Status}\\n`
const LOCK = '/tmp/strongroom-apt.lock'

/** Whether this run leaves the tests with an engine out; `npm test` says so, and refuses it in CI. */
export function isLeftOut(engine: Engine): boolean {
  return (process.env.STRONGROOM_WITHOUT ?? '').split(',').includes(engine)
}

/**
 * Makes sure that Debian's `packages` are installed: as root on Debian they are installed now, by one test process at a
 * time.
 *
 * @throws Error with one line where that cannot be
 */
export function requirePackages(engine: Engine, packages: readonly string[]): void {
  if (areInstalled(packages)) return
  const line = `No ${packages.join(', ')} found: install them, or leave their tests out by STRONGROOM_WITHOUT=${engine}.`
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) throw new Error(line)
  process.stdout.write(`Installing ${packages.join(', ')} (apt-get) …\n`)
  const install = ['install', '-y', '--no-install-recommends', ...packages]
  // Another process may have installed them while this one waited for the lock.
  if (!apt(...install) && !areInstalled(packages)) {
    apt('update')
    apt(...install)
  }
  if (!areInstalled(packages)) throw new Error(line)
}

function areInstalled(packages: readonly string[]): boolean {
  const found = spawnSync('dpkg-query', ['-W', STATUS, ...packages], { encoding: 'utf8' })
  return (
    found.status === 0 &&
    found.stdout
      .trim()
      .split('\n')
      .every((status) => status === 'installed')
  )
}

function apt(...parameters: string[]): boolean {
  const result = spawnSync('flock', [LOCK, 'apt-get', ...parameters], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return result.status === 0
}
