// `npm run bench [-- names … --full --json]`: prints each suite's table, or one JSON document.
import { cpus } from 'node:os'
import type { Row } from './measure.ts'
import { content } from './suites/content.ts'
import { login } from './suites/login.ts'
import { loginTiming } from './suites/login-timing.ts'
import { memory } from './suites/memory.ts'
import { start } from './suites/start.ts'
import type { Suite } from './suites/suite.ts'
import { transfer } from './suites/transfer.ts'
import { table } from './table.ts'

const SUITES: Record<string, Suite> = { content, transfer, memory, login, 'login-timing': loginTiming, start }

const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const unknown = [
  ...flags.filter((flag) => !['--full', '--json'].includes(flag)),
  ...named.filter((name) => !(name in SUITES)),
]
if (unknown.length > 0) {
  console.error(`Not known: ${unknown.join(', ')}. Suites: ${Object.keys(SUITES).join(', ')}; flags: --full, --json.`)
  process.exit(2)
}

const json = flags.includes('--json')
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, ${process.platform}`
const results: Record<string, Row[]> = {}
if (!json) console.log(`${machine}\n`)
for (const [name, suite] of Object.entries(SUITES)) {
  if (named.length > 0 && !named.includes(name)) continue
  const rows = await suite.run({ full: flags.includes('--full') })
  results[name] = rows
  if (!json) console.log(table(suite.title, rows))
}
if (json) console.log(JSON.stringify({ machine, results }, null, 2))
