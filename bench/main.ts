// `npm run bench [-- suite … --full --quick --json --charts FOLDER --only PATTERN --flames FOLDER]`: prints each suite's table, or one JSON document.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chart } from './chart.ts'
import type { Row } from './measure.ts'
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
  memory,
  index,
  login,
  'login-timing': loginTiming,
  server,
  rotation,
  start,
}

function refuse(problem: string): never {
  const flags = '--full, --quick, --json, --charts FOLDER, --only PATTERN, --flames FOLDER, --peers'
  console.error(`${problem} Suites: ${Object.keys(SUITES).join(', ')}; flags: ${flags}.`)
  process.exit(2)
}

function settings() {
  const boolean = { type: 'boolean', default: false } as const
  const text = { type: 'string' } as const
  const options = { full: boolean, quick: boolean, json: boolean, charts: text, only: text, flames: text } as const
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const unknown = positionals.filter((name) => !(name in SUITES))
    if (unknown.length > 0) refuse(`Not known: ${unknown.join(', ')}.`)
    return { ...values, named: positionals }
  } catch (error) {
    return refuse(error instanceof Error ? error.message : 'The flags are not known.')
  }
}

const { full, quick, json, charts, only, flames, named } = settings()
if (flames !== undefined) mkdirSync(flames, { recursive: true })
const machine = [
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, ${process.platform}`,
  `${new Date().toISOString().slice(0, 10)}, load before ${loadavg()[0]?.toFixed(1)}`,
].join('; ')
const results: Record<string, { title: string; rows: Row[] }> = {}
if (!json) console.log(`${machine}\n`)
for (const [name, suite] of Object.entries(SUITES)) {
  if (named.length > 0 && !named.includes(name)) continue
  const rows = await suite.run({ full, quick, only: only === undefined ? undefined : new RegExp(only), flames })
  results[name] = { title: suite.title, rows }
  if (!json) console.log(table(suite.title, rows))
  if (charts !== undefined) {
    mkdirSync(charts, { recursive: true })
    writeFileSync(join(charts, `${name}.svg`), chart(suite.title, machine, rows))
  }
}
if (json) console.log(JSON.stringify({ machine, results }, null, 2))
