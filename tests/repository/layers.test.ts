import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Rule → a file that breaks it. Every rule of the configuration must stand here. */
const PLANTED: Record<string, { file: string; text: string }[]> = {
  'no-circles': [
    {
      file: 'packages/crypto/src/planted-a.ts',
      text: "import type { B } from './planted-b.ts'\nexport type A = B | 1",
    },
    {
      file: 'packages/crypto/src/planted-b.ts',
      text: "import type { A } from './planted-a.ts'\nexport type B = A | 2",
    },
  ],
  'crypto-stands-alone': [
    { file: 'packages/crypto/src/planted-1.ts', text: "export type { Route } from '@strongroom/protocol'" },
  ],
  'protocol-stands-alone': [
    { file: 'packages/protocol/src/planted-1.ts', text: "export { KEY_LENGTH } from '@strongroom/crypto/sizes'" },
  ],
  'vault-on-crypto-only': [
    { file: 'packages/vault/src/planted-1.ts', text: "export type { Route } from '@strongroom/protocol'" },
  ],
  'vault-is-pure': [{ file: 'packages/vault/src/planted-2.ts', text: "export { readFile } from 'node:fs'" }],
  'client-on-crypto-vault-protocol': [
    {
      file: 'packages/client/src/planted-1.ts',
      text: "import * as server from '@strongroom/server'\nexport { server }",
    },
  ],
  'client-core-is-isomorphic': [
    { file: 'packages/client/src/planted-2.ts', text: "export { readFile } from 'node:fs'" },
  ],
  'client-core-knows-no-platform': [
    {
      file: 'packages/client/src/planted-3.ts',
      text: "import * as node from './platform/node/index.ts'\nexport { node }",
    },
  ],
  'server-imports': [
    {
      file: 'packages/server/src/planted-1.ts',
      text: "import type * as vault from '@strongroom/vault'\nexport { vault }",
    },
  ],
  'server-opens-nothing': [
    { file: 'packages/vault/src/header.ts', text: "import * as crypto from '@strongroom/crypto'\nexport { crypto }" },
  ],
  'domain-on-ports': [
    {
      file: 'packages/server/src/domain/planted-1.ts',
      text: "import type * as config from '../config.ts'\nexport { config }",
    },
  ],
  'admin-on-domain': [
    {
      file: 'packages/server/src/admin/planted-1.ts',
      text: "import type * as config from '../config.ts'\nexport { config }",
    },
  ],
  'no-admin-over-http': [
    { file: 'packages/server/src/admin/planted-2.ts', text: 'export const planted = 1' },
    { file: 'packages/server/src/http/planted-2.ts', text: "export { planted } from '../admin/planted-2.ts'" },
  ],
  'ports-know-nobody': [
    {
      file: 'packages/server/src/ports/planted-1.ts',
      text: "import type * as config from '../config.ts'\nexport { config }",
    },
  ],
  'adapters-apart': [
    {
      file: 'packages/server/src/adapters/planted-1.ts',
      text: "import type * as config from '../config.ts'\nexport { config }",
    },
  ],
  'only-compose-imports-adapters': [
    { file: 'packages/server/src/http/planted-1.ts', text: "export { planted } from '../adapters/planted-2.ts'" },
    { file: 'packages/server/src/adapters/planted-2.ts', text: 'export const planted = 1' },
  ],
  'adapters-are-loaded-when-chosen': [
    { file: 'packages/server/src/compose-planted.ts', text: "export { planted } from './adapters/planted-2.ts'" },
  ],
  'upload-encrypt-without-network': [
    { file: 'packages/client/src/transport/planted.ts', text: 'export const planted = 1' },
    { file: 'packages/client/src/upload/encrypt-parts.ts', text: "export { planted } from '../transport/planted.ts'" },
  ],
  'upload-transfer-without-keys': [
    {
      file: 'packages/client/src/upload/upload-parts.ts',
      text: "import type * as keys from '@strongroom/crypto'\nexport { keys }",
    },
  ],
  'nobody-imports-apps': [
    { file: 'apps/server/src/planted-1.ts', text: "import * as main from '../../cli/src/main.ts'\nexport { main }" },
  ],
  'cli-loads-the-server-dynamically': [
    { file: 'apps/cli/src/planted-1.ts', text: "import * as server from '@strongroom/server'\nexport { server }" },
  ],
  'web-keys-stay-in-the-worker': [
    { file: 'apps/web/src/planted-1.ts', text: "import * as client from '@strongroom/client'\nexport { client }" },
  ],
  'web-on-the-sdk-only': [
    {
      file: 'apps/web/src/worker/planted-1.ts',
      text: "import * as crypto from '@strongroom/crypto'\nexport { crypto }",
    },
  ],
  'tests-stay-out': [
    { file: 'tests/planted.ts', text: 'export const planted = 1' },
    { file: 'packages/protocol/src/planted-2.ts', text: "export { planted } from '../../../tests/planted.ts'" },
  ],
  resolvable: [{ file: 'packages/protocol/src/planted-3.ts', text: "export { nothing } from './nowhere.ts'" }],
}

interface Report {
  summary: { violations: { rule: { name: string }; from: string }[]; ruleSetUsed: { forbidden: { name: string }[] } }
}

function cruise(folder: string): Report {
  const bin = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const result = spawnSync(
    process.execPath,
    [bin, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'packages', 'apps'],
    { cwd: folder, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
  )
  return JSON.parse(result.stdout) as Report
}

describe('the layer rules', () => {
  let copy = ''
  let planted: Report

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'strongroom-layers-'))
    const withoutBuilds = (path: string): boolean => !['dist', 'node_modules'].includes(basename(path))
    for (const folder of ['packages', 'apps']) {
      await cp(join(ROOT, folder), join(copy, folder), { recursive: true, filter: withoutBuilds })
    }
    for (const file of ['.dependency-cruiser.cjs', 'package.json']) await cp(join(ROOT, file), join(copy, file))
    await mkdir(join(copy, 'node_modules/@strongroom'), { recursive: true })
    for (const entry of await readdir(join(ROOT, 'node_modules'))) {
      if (entry !== '@strongroom') await symlink(join(ROOT, 'node_modules', entry), join(copy, 'node_modules', entry))
    }
    for (const name of ['crypto', 'protocol', 'vault', 'client', 'server']) {
      await symlink(join(copy, 'packages', name), join(copy, 'node_modules/@strongroom', name))
    }
    for (const { file, text } of Object.values(PLANTED).flat()) {
      await mkdir(dirname(join(copy, file)), { recursive: true })
      await writeFile(join(copy, file), `${text}\n`)
    }
    planted = cruise(copy)
  })

  afterAll(() => rm(copy, { recursive: true, force: true }))

  it('find nothing in the code as it is', () => {
    expect(cruise(ROOT).summary.violations).toEqual([])
  })

  it('each have a planted violation', () => {
    const rules = planted.summary.ruleSetUsed.forbidden.map((rule) => rule.name)
    expect(Object.keys(PLANTED).sort()).toEqual(rules.sort())
  })

  it.each(Object.keys(PLANTED))('%s fails on its planted violation', (name) => {
    expect(planted.summary.violations.map((violation) => violation.rule.name)).toContain(name)
  })
})
