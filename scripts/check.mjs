// `npm run check`: types, lint, layers and dead code. Exit code 0 when all pass.
import { spawnSync } from 'node:child_process'
import { installDependencies, ROOT, requireNode } from './install.mjs'

const CHECKS = ['types', 'lint', 'layers', 'dead-code']

requireNode()
installDependencies()
const failed = CHECKS.filter((name) => {
  const passed = spawnSync('npm', ['run', '--silent', name], { cwd: ROOT, stdio: 'inherit' }).status === 0
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name}`)
  return !passed
})
process.exit(failed.length === 0 ? 0 : 1)
