import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const BROWSERS = {
  chromium: {
    title: 'Chromium',
    setting: 'CHROMIUM_PATH',
    names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    fixed: ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/snap/bin/chromium'],
    debian: 'chromium',
  },
  firefox: {
    title: 'Firefox',
    setting: 'FIREFOX_PATH',
    names: ['firefox-esr', 'firefox'],
    fixed: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
    debian: 'firefox-esr',
  },
}

function runnable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function found(kind) {
  const { names, fixed, setting } = BROWSERS[kind]
  const named = process.env[setting]
  if (named !== undefined && named !== '') {
    if (runnable(named)) return named
    throw new Error(`${setting} does not name a program that can be run.`)
  }
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)))
  const system = [...onPath, ...fixed].find((path) => existsSync(path) && runnable(path))
  if (system !== undefined) return system
  // Playwright's own Firefox is a patched one, which is not what people use.
  if (kind !== 'chromium') return null
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
 * Path of a browser to test with: CHROMIUM_PATH or FIREFOX_PATH, a system one, for Chromium Playwright's own, or, on Debian
 * as root, one installed now. Throws with one clear line where there is none.
 */
export async function findBrowser(kind = 'chromium') {
  const { title, setting, debian } = BROWSERS[kind]
  const present = await found(kind)
  if (present !== null) return present
  if (existsSync('/usr/bin/apt-get') && process.getuid?.() === 0) {
    console.log(`Installing ${title} (apt-get) …`)
    const packages = ['install', '-y', '--no-install-recommends', debian]
    if (apt(...packages) || (apt('update') && apt(...packages))) {
      const installed = await found(kind)
      if (installed !== null) return installed
    }
  }
  throw new Error(`No ${title} found: install one, or set ${setting} to its program.`)
}
