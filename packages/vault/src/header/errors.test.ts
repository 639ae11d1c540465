import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { VAULT_ERRORS } from './errors.ts'

test('the specification lists exactly the error codes that exist, with their meanings', () => {
  const spec = readFileSync(new URL('../../../../spec/vault-log.md', import.meta.url), 'utf8')
  const part = spec.slice(spec.indexOf('## 12.'), spec.indexOf('## 13.'))
  const rows = [...part.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, code, text]) => [code, text])
  expect(Object.fromEntries(rows)).toEqual(VAULT_ERRORS)
})
