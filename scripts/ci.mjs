// What `.ci/run` runs: `npm test` and the checks. Its last line is "N passed, N failed".
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './install.mjs'

const SUMMARY = join(ROOT, 'artifacts/test-summary.json')
const CHECKS = ['types', 'lint', 'layers', 'dead-code']

function npm(...parameters) {
  return spawnSync('npm', parameters, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
}

rmSync(SUMMARY, { force: true })
const tested = npm('test')
let passed = 0
let failed = 0
try {
  const summary = JSON.parse(readFileSync(SUMMARY, 'utf8'))
  passed = summary.passed
  failed = summary.failed
} catch {
  console.error('npm test left no summary.')
}
if (!tested && failed === 0) failed = 1
for (const name of CHECKS) {
  const ok = npm('run', '--silent', name)
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`)
  if (ok) passed += 1
  else failed += 1
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
