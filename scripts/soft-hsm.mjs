import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
]

function present() {
  const tool = spawnSync('softhsm2-util', ['--version'], { stdio: 'ignore' })
  return tool.status === 0 && MODULES.some((file) => existsSync(file))
}

function apt(...parameters) {
  const result = spawnSync('apt-get', parameters, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return result.status === 0
}

/**
 * Makes sure that there is a SoftHSM to test with: the system's, or, on Debian as root, one installed now. Throws with
 * one clear line where there is none.
 */
export function requireSoftHsm() {
  if (present()) return
  if (existsSync('/usr/bin/apt-get') && process.getuid?.() === 0) {
    console.log('Installing SoftHSM (apt-get) …')
    const packages = ['install', '-y', '--no-install-recommends', 'softhsm2']
    if (apt(...packages) || (apt('update') && apt(...packages))) {
      if (present()) return
    }
  }
  throw new Error('No SoftHSM found: install softhsm2, or leave its tests out by STRONGROOM_WITHOUT=hsm.')
}
