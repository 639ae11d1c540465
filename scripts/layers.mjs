import { spawnSync } from 'node:child_process'

const result = spawnSync('npx', ['depcruise', '--config', '.dependency-cruiser.cjs', 'packages', 'apps'], {
  stdio: 'inherit',
})
process.exit(result.status ?? 1)
