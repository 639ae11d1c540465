// `npm test`: installs what is missing, builds, and runs every suite. Its last line is "N passed, N failed".
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installDependencies, ROOT, requireNode } from './install.mjs'
import { failures, filesToBeginAnew, summaryOf, withSecondRun } from './test-report.mjs'

/** Engines that a run may leave out by name, with what is then not tested. */
const OPTIONAL_ENGINES = ['ceph', 'hsm', 'postgres', 'haproxy', 'firefox', 'systemd']
const SUMMARY = join(ROOT, 'artifacts/test-summary.json')
const REPORT = join(ROOT, 'artifacts/vitest.json')
const LOOSE = join(ROOT, 'artifacts/loose-errors.json')

function fail(line) {
  console.error(line)
  writeSummary({ passed: 0, failed: 1, skipped: [] })
  console.log('0 passed, 1 failed')
  process.exit(1)
}

function writeSummary(summary) {
  mkdirSync(join(ROOT, 'artifacts'), { recursive: true })
  writeFileSync(SUMMARY, JSON.stringify(summary, null, 2))
}

function without() {
  return (process.env.STRONGROOM_WITHOUT ?? '').split(',').filter((name) => name !== '')
}

function engineSwitch() {
  const named = without()
  const unknown = named.filter((name) => !OPTIONAL_ENGINES.includes(name))
  if (unknown.length > 0) fail(`STRONGROOM_WITHOUT takes ${OPTIONAL_ENGINES.join(', ')}; it has ${unknown.join(', ')}.`)
  if (named.length > 0 && process.env.CI === 'true') fail('STRONGROOM_WITHOUT leaves tests out; CI runs all of them.')
  for (const name of named) console.log(`skipped: ${name}, by STRONGROOM_WITHOUT`)
}

function vectorsLine() {
  const folder = process.env.STRONGROOM_VECTORS ?? join(ROOT, '../shared/vectors')
  if (existsSync(folder)) return
  console.log('skipped: official vectors (no ../shared/vectors; STRONGROOM_VECTORS names another folder)')
}

requireNode()
engineSwitch()
installDependencies()
const soak = process.argv.includes('--soak')
const { findBrowser } = await import('./browser.mjs')
const { requireSoftHsm } = await import('./soft-hsm.mjs')
let browser = ''
let firefox = ''
try {
  browser = await findBrowser()
  if (!without().includes('firefox')) firefox = await findBrowser('firefox')
  if (!without().includes('hsm')) requireSoftHsm()
} catch (error) {
  fail(error.message)
}
if (spawnSync(process.execPath, [join(ROOT, 'scripts/build.mjs')], { stdio: 'inherit' }).status !== 0) {
  fail('The build failed; its message is above.')
}
vectorsLine()

/** Runs suites; what was reported, and whether the runner was content. */
function runSuites(parameters) {
  mkdirSync(join(ROOT, 'artifacts'), { recursive: true })
  for (const file of [REPORT, LOOSE]) rmSync(file, { force: true })
  const { status } = spawnSync(
    process.execPath,
    [
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${REPORT}`,
      `--reporter=${join(ROOT, 'scripts/loose-errors.mjs')}`,
      ...parameters,
    ],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: {
        ...process.env,
        CHROMIUM_PATH: browser,
        FIREFOX_PATH: firefox,
        LOOSE_ERRORS: LOOSE,
        STRONGROOM_SOAK: soak ? '1' : '',
      },
    },
  )
  if (!existsSync(REPORT)) return null
  const loose = existsSync(LOOSE) ? JSON.parse(readFileSync(LOOSE, 'utf8')) : [null]
  return { report: JSON.parse(readFileSync(REPORT, 'utf8')), loose, isContent: status === 0 }
}

const options = process.argv.slice(2).filter((argument) => argument !== '--soak')
let run = runSuites(options)
if (run === null) fail('The test runner ended without a report; its message is above.')
const again = process.env.CI === 'true' && !run.isContent ? filesToBeginAnew(run.report, run.loose) : null
if (again !== null) {
  // Reason: on a machine as busy as CI's, what waits for whole processes, databases and browsers fails now and then, and a
  // second attempt within the same file meets what the first has left. A fault that is there every time still fails.
  for (const name of failures(run.report)) console.log(`failed at first: ${name}`)
  for (const file of again) console.log(`begun anew: ${file}`)
  const second = runSuites([...options.filter((option) => option.startsWith('-')), ...again])
  if (second === null) fail('The test runner ended without a report; its message is above.')
  run = { ...second, report: withSecondRun(run.report, again, second.report) }
  writeFileSync(REPORT, JSON.stringify(run.report))
}
const summary = summaryOf(run.report)
for (const name of summary.skipped) console.log(`skipped: ${name}`)
// Reason: an error outside of any test fails the run without failing a test.
if (!run.isContent && summary.failed === 0) summary.failed = 1
writeSummary({ ...summary, begunAnew: again ?? [] })
console.log(`${summary.passed} passed, ${summary.failed} failed`)
process.exit(summary.failed === 0 ? 0 : 1)
