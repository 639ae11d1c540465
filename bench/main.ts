// `npm run bench [-- suite … flags]`: prints each suite's table, or one JSON document; `--help` tells the flags.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chart } from './chart.ts'
import { cleanAtEnd } from './ending.ts'
import { installPeers } from './peers/install.ts'
import { peerVersions } from './peers/versions.ts'
import { writePicture } from './picture.ts'
import { json, load, machineLine, type Report, type Result, reasonOf, thisMachine } from './report.ts'
import { checkNames, makeFolder, readSettings, type Settings, SettingsError } from './settings.ts'
import { browser } from './suites/browser.ts'
import { bucket } from './suites/bucket.ts'
import { encrypt } from './suites/encrypt.ts'
import { index } from './suites/index.ts'
import { login } from './suites/login.ts'
import { loginTiming } from './suites/login-timing.ts'
import { memory } from './suites/memory.ts'
import { rotation } from './suites/rotation.ts'
import { server } from './suites/server.ts'
import { start } from './suites/start.ts'
import type { Suite } from './suites/suite.ts'
import { transfer } from './suites/transfer.ts'
import { table } from './table.ts'

const SUITES: Record<string, Suite> = {
  encrypt,
  transfer,
  bucket,
  browser,
  memory,
  index,
  login,
  'login-timing': loginTiming,
  server,
  rotation,
  start,
}

const TASKS = new Map(Object.entries(SUITES).map(([name, { tasks = [] }]) => [name, tasks]))

const HELP = `npm run bench [-- suite … flags]: measures this checkout against its peers; docs/benchmarks.md says how.

Suites: ${Object.keys(SUITES).join(', ')}; all of them unless some are named.
  --quick          small sizes, one run: whether it works, not how fast it is
  --full           more runs and the largest sizes
  --json           one JSON document instead of tables
  --charts FOLDER  an SVG chart of each suite as well
  --only PATTERN   of the suite server: tasks whose whole name matches this regular expression
  --flames FOLDER  of the suite server: a flame graph of each task
  --peers          installs the peers that are missing first; nothing more where nothing else is asked for
  --help           this

Tasks of the suite server:
  ${(SUITES.server?.tasks ?? []).join('\n  ')}`

/** What was asked for, once it is known to be possible; else ends the process. */
function checked(): Settings {
  try {
    const settings = readSettings(process.argv.slice(2))
    if (settings.help) return settings
    checkNames(settings, TASKS)
    if (settings.charts !== undefined) makeFolder('--charts', settings.charts)
    if (settings.flames !== undefined) makeFolder('--flames', settings.flames)
    return settings
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    console.error(`${error.message}\nnpm run bench -- --help tells what there is.`)
    return process.exit(2)
  }
}

/** Builds the apps where their sources have changed since; else ends the process, once esbuild has said what is wrong. */
function build(): void {
  const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', process.stderr, 'inherit'] })
  if (status === 0) return
  console.error('The build failed.')
  process.exit(1)
}

const settings = checked()
if (settings.help) {
  console.log(HELP)
  process.exit(0)
}
const isComplete = !settings.peers || installPeers()
const peers = peerVersions()
const peersLine = `Peers: ${
  Object.entries(peers)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ') || 'none'
}`
if (settings.isOnlyPeers) {
  console.log(peersLine)
  process.exit(isComplete ? 0 : 1)
}
build()
const { full, quick, charts, named } = settings
const machine = thisMachine()
const results: Record<string, Result> = {}
const failed: Record<string, string> = {}
const report = (interrupted: boolean): Report => ({
  ...{ machine, peers, size: quick ? 'quick' : full ? 'full' : 'usual' },
  ...{ results, failed, interrupted },
})

// Whoever reads no further wants no more measured.
process.stdout.on('error', () => process.exit(1))
try {
  // What was measured by then is not lost.
  cleanAtEnd(() => {
    if (settings.json) console.log(json(report(true)))
  })
} catch (error) {
  console.error(`No folder for temporary files: ${reasonOf(error)}`)
  process.exit(1)
}
if (!settings.json) console.log(`${machineLine(machine)}\n${peersLine}\n`)
for (const [name, suite] of Object.entries(SUITES)) {
  if (named.length > 0 && !named.includes(name)) continue
  const { title } = suite
  const loadBefore = load()
  try {
    const rows = await suite.run(settings)
    results[name] = { title, loadBefore, loadAfter: load(), rows }
    if (!settings.json) console.log(table(title, rows, { hasTargets: !quick }))
    if (charts !== undefined) writePicture(join(charts, `${name}.svg`), chart(title, machineLine(machine), rows))
  } catch (error) {
    // The other suites are measured all the same.
    failed[name] = reasonOf(error)
    console.error(`The suite ${name} failed: ${failed[name]}`)
    process.exitCode = 1
  }
}
if (settings.json) console.log(json(report(false)))
