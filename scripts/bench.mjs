// `npm run bench [-- suite … flags]`: measures this checkout against its peers; see docs/benchmarks.md, or `--help`.
import { spawn } from 'node:child_process'
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
if (!wanted.includes('--help') && !wanted.includes('-h')) {
  try {
    await buildApps()
  } catch (error) {
    console.error(`The build failed: ${error.message}`)
    process.exit(1)
  }
}
const run = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'bench/main.ts'), ...wanted], { stdio: 'inherit' })
// Reason: the bench cleans up when it is told to end; from a terminal it is told by itself.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal))
run.once('close', (code) => process.exit(code ?? 1))
