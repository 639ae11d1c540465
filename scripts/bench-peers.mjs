// `npm run bench -- --peers`: installs what Strongroom is measured against. Debian packages need root; what comes from
// npm goes into a folder of its own, so that the product's dependencies stay what they are.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './install.mjs'

const PACKAGES = ['age', 'rclone', 'restic', 'gocryptfs', 'fuse3', 'openssl']
const MODULES = { 'age-encryption': '0.3.1', '@aws-crypto/client-node': '5.0.2' }
const FOLDER = join(ROOT, 'node_modules/.cache/strongroom-bench')

function run(program, parameters, options = {}) {
  return spawnSync(program, parameters, { stdio: ['ignore', 'ignore', 'inherit'], ...options }).status === 0
}

function isPresent(name) {
  const found = spawnSync('dpkg-query', ['-W', `-f=\${db:Status-Status}`, name], { encoding: 'utf8' })
  return found.status === 0 && found.stdout === 'installed'
}

function installPackages() {
  const wanted = PACKAGES.filter((name) => !isPresent(name))
  if (wanted.length === 0) return
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.error(`Not installed, and only root on Debian can do it from here: ${wanted.join(', ')}.`)
    return
  }
  console.log(`Installing ${wanted.join(', ')} (apt-get) …`)
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  const install = ['install', '-y', '--no-install-recommends', ...wanted]
  if (run('apt-get', install, options)) return
  run('apt-get', ['update'], options)
  if (!run('apt-get', install, options))
    console.error('Some of them could not be installed; their rows will be absent.')
}

function installModules() {
  if (Object.keys(MODULES).every((name) => existsSync(join(FOLDER, 'node_modules', name)))) return
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies: MODULES }))
  console.log(`Installing ${Object.keys(MODULES).join(', ')} (npm) …`)
  const npm = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  if (!run('npm', npm, { cwd: FOLDER })) console.error('npm install failed; those rows will be absent.')
}

/** Installs the peers that are missing, and says which could not be. */
export function installPeers() {
  installPackages()
  installModules()
}
