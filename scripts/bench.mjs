// `npm run bench [-- suite … --full --quick --json --charts FOLDER --only PATTERN --flames FOLDER --peers]`: measures this checkout against its peers; see docs/benchmarks.md.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { installPeers } from './bench-peers.mjs'
import { buildApps } from './build.mjs'
import { installDependencies, ROOT, requireNode } from './install.mjs'

requireNode()
installDependencies()
const wanted = process.argv.slice(2).filter((parameter) => parameter !== '--peers')
if (wanted.length < process.argv.length - 2) {
  installPeers()
  if (wanted.length === 0) process.exit(0)
}
try {
  await buildApps()
} catch (error) {
  console.error(`The build failed: ${error.message}`)
  process.exit(1)
}
const tsx = join(ROOT, 'node_modules/tsx/dist/cli.mjs')
const run = spawnSync(process.execPath, [tsx, join(ROOT, 'bench/main.ts'), ...wanted], {
  stdio: 'inherit',
})
process.exit(run.status ?? 1)
