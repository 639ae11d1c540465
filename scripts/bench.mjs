// `npm run bench [-- suite … flags]`: measures this checkout against its peers; see docs/benchmarks.md, or `--help`.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { installDependencies, ROOT, requireNode } from './install.mjs'

requireNode()
installDependencies()
const main = ['--import', 'tsx', join(ROOT, 'bench/main.ts'), ...process.argv.slice(2)]
const run = spawn(process.execPath, main, { stdio: 'inherit' })
// Reason: the bench cleans up when it is told to end; from a terminal it is told by itself.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal))
// Reason: npm that is told to end passes that on to its shell, which ends and tells nobody.
const parent = process.ppid
const watch = setInterval(() => {
  if (process.ppid === parent || process.env.npm_lifecycle_event === undefined) return
  clearInterval(watch)
  run.kill('SIGTERM')
}, 500)
run.once('close', (code) => process.exit(code ?? 1))
