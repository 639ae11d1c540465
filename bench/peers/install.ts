import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isInstalled } from '../programs.ts'
import { CACHE, MODULES, moduleVersion } from './cache.ts'

/** Programs of the peers, and the Debian packages that have them. */
const PROGRAMS = {
  age: 'age',
  'age-keygen': 'age',
  rclone: 'rclone',
  restic: 'restic',
  gocryptfs: 'gocryptfs',
  fusermount3: 'fuse3',
  openssl: 'openssl',
} as const
const WHOSE = 'their rows will be absent'

/**
 * Installs the peers that are missing: Debian packages, of the version that this Debian has, which takes root; what comes
 * from npm, of exact versions, into a folder of its own, so that the product's dependencies stay what they are. Tells on
 * standard error what it does.
 *
 * @returns whether all of them are there
 */
export function installPeers(): boolean {
  const [programs, modules] = [installPrograms(), installModules()]
  return programs && modules
}

function run(
  program: string,
  parameters: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv },
): boolean {
  return spawnSync(program, parameters, { stdio: ['ignore', 'ignore', 'inherit'], ...options }).status === 0
}

function missingPackages(): string[] {
  const missing = Object.entries(PROGRAMS).flatMap(([program, name]) => (isInstalled(program) ? [] : [name]))
  return [...new Set(missing)]
}

function installPrograms(): boolean {
  const wanted = missingPackages()
  if (wanted.length === 0) return true
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.error(`Not installed, and only root on Debian can do it from here: ${wanted.join(', ')}; ${WHOSE}.`)
    return false
  }
  console.error(`Installing ${wanted.join(', ')} (apt-get) …`)
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  const install = ['install', '-y', '--no-install-recommends', ...wanted]
  if (!run('apt-get', install, options)) {
    run('apt-get', ['update'], options)
    run('apt-get', install, options)
  }
  const left = missingPackages()
  if (left.length > 0) console.error(`Could not be installed: ${left.join(', ')}; ${WHOSE}.`)
  return left.length === 0
}

function installModules(): boolean {
  const wanted = Object.entries(MODULES).filter(([name, version]) => moduleVersion(name) !== version)
  if (wanted.length === 0) return true
  const names = wanted.map(([name, version]) => `${name} ${version}`).join(', ')
  console.error(`Installing ${names} (npm) …`)
  try {
    mkdirSync(CACHE, { recursive: true })
    const manifest = { private: true, type: 'module', dependencies: MODULES }
    writeFileSync(join(CACHE, 'package.json'), JSON.stringify(manifest))
  } catch {
    console.error(`Could not be installed, since ${CACHE} cannot be written: ${names}; ${WHOSE}.`)
    return false
  }
  const npm = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  if (run('npm', npm, { cwd: CACHE })) return true
  console.error(`Could not be installed: ${names}; ${WHOSE}.`)
  return false
}
