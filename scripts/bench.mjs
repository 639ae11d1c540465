// `npm run bench [-- suite … --full --json]`: measures this checkout against its peers; see docs/benchmarks.md.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { buildApps } from './build.mjs'
import { installDependencies, ROOT, requireNode } from './install.mjs'

requireNode()
installDependencies()
try {
  await buildApps()
} catch (error) {
  console.error(`The build failed: ${error.message}`)
  process.exit(1)
}
const tsx = join(ROOT, 'node_modules/tsx/dist/cli.mjs')
const run = spawnSync(process.execPath, [tsx, join(ROOT, 'bench/main.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exit(run.status ?? 1)
