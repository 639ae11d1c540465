// `npm run bench [-- suite … flags]`: prints each suite's table, or one JSON document; `--help` tells the flags.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chart } from './chart.ts'
import { cleanAtEnd } from './ending.ts'
import type { Row } from './measure.ts'
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

const HELP = `npm run bench [-- suite … flags]: measures this checkout against its peers; docs/benchmarks.md says how.

Suites: ${Object.keys(SUITES).join(', ')}; all of them unless some are named.
  --quick          small sizes, one run: whether it works, not how fast it is
  --full           more runs and the largest sizes
  --json           one JSON document instead of tables
  --charts FOLDER  an SVG chart of each suite as well
  --only PATTERN   of the suite server: tasks whose names match this regular expression
  --flames FOLDER  of the suite server: a flame graph of each task
  --peers          installs the peers that are missing
  --help           this`

function refuse(problem: string): never {
  console.error(`${problem}\n\n${HELP}`)
  process.exit(2)
}

function settings() {
  const boolean = { type: 'boolean', default: false } as const
  const text = { type: 'string' } as const
  const help = { ...boolean, short: 'h' } as const
  const options = {
    full: boolean,
    quick: boolean,
    json: boolean,
    help,
    charts: text,
    only: text,
    flames: text,
  } as const
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    return { ...values, named: positionals }
  } catch (error) {
    // Node tells more than the problem in further sentences.
    return refuse(error instanceof Error ? (error.message.split('. ')[0] ?? '') : 'The flags are not known.')
  }
}

function pattern(text: string | undefined): RegExp | undefined {
  try {
    return text === undefined ? undefined : new RegExp(text)
  } catch {
    return refuse('--only takes a regular expression.')
  }
}

function folder(name: string, path: string | undefined): void {
  try {
    if (path !== undefined) mkdirSync(path, { recursive: true })
  } catch {
    refuse(`${name}: the folder cannot be made.`)
  }
}

const { full, quick, json, help, charts, only: onlyText, flames, named } = settings()
if (help) {
  console.log(HELP)
  process.exit(0)
}
const unknown = named.filter((name) => !(name in SUITES))
if (unknown.length > 0) refuse(`There is no suite ${unknown.join(', ')}.`)
const ofServer = onlyText ?? flames
if (ofServer !== undefined && named.length > 0 && !named.includes('server')) {
  refuse('--only and --flames are of the suite server.')
}
const only = pattern(onlyText)
folder('--charts', charts)
folder('--flames', flames)
cleanAtEnd()
const machine = [
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, ${process.platform}`,
  `${new Date().toISOString().slice(0, 10)}, load before ${loadavg()[0]?.toFixed(1)}`,
].join('; ')
const results: Record<string, { title: string; rows: Row[] }> = {}
if (!json) console.log(`${machine}\n`)
for (const [name, suite] of Object.entries(SUITES)) {
  if (named.length > 0 && !named.includes(name)) continue
  try {
    const rows = await suite.run({ full, quick, only, flames })
    results[name] = { title: suite.title, rows }
    if (!json) console.log(table(suite.title, rows))
    if (charts !== undefined) writeFileSync(join(charts, `${name}.svg`), chart(suite.title, machine, rows))
  } catch (error) {
    // The other suites are measured all the same.
    console.error(`The suite ${name} failed:`, error)
    process.exitCode = 1
  }
}
if (json) console.log(JSON.stringify({ machine, results }, null, 2))
