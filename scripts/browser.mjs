import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const FIXED = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/snap/bin/chromium']

function runnable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function found() {
  const named = process.env.CHROMIUM_PATH
  if (named !== undefined && named !== '') {
    if (runnable(named)) return named
    throw new Error('CHROMIUM_PATH does not name a program that can be run.')
  }
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
  const system = [...onPath, ...FIXED].find((path) => existsSync(path) && runnable(path))
  if (system !== undefined) return system
  const { chromium } = await import('playwright-core')
  const own = chromium.executablePath()
  return own !== '' && existsSync(own) ? own : null
}

function apt(...parameters) {
  const result = spawnSync('apt-get', parameters, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return result.status === 0
}

/**
 * Path of a Chromium to test with: CHROMIUM_PATH, a system one, Playwright's own, or, on Debian as
 * root, one installed now. Throws with one clear line where there is none.
 */
export async function findBrowser() {
  const present = await found()
  if (present !== null) return present
  if (existsSync('/usr/bin/apt-get') && process.getuid?.() === 0) {
    console.log('Installing Chromium (apt-get) …')
    const packages = ['install', '-y', '--no-install-recommends', 'chromium']
    if (apt(...packages) || (apt('update') && apt(...packages))) {
      const installed = await found()
      if (installed !== null) return installed
    }
  }
  throw new Error('No Chromium found: install one, or set CHROMIUM_PATH to its program.')
}
