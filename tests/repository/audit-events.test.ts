import { describe, expect, it } from 'vitest'
import { AUDIT_WORDS } from '../../apps/cli/src/audit-words.ts'
import { AUDIT_EVENTS } from '../../packages/server/src/domain/audit/record.ts'
import { checkoutFiles, readText } from './checkout.ts'
import { codeSpans, tableRows } from './markdown.ts'

const SERVER_CODE = /^packages\/server\/src\/(?!testing\/).*(?<!\.test)\.ts$/

describe('the events of the audit log', () => {
  it('are those of spec/audit.md §3, and all have words', () => {
    const section = readText('spec/audit.md').split('## 3. Events')[1]?.split('**Failures')[0] ?? ''
    const listed = tableRows(section).flatMap(([codes = '']) => codeSpans(codes))
    expect(listed.sort()).toEqual([...AUDIT_EVENTS].sort())
    expect(Object.keys(AUDIT_WORDS).sort()).toEqual([...AUDIT_EVENTS].sort())
  })

  it.each(AUDIT_EVENTS)('%s is written somewhere', (event) => {
    const writers = checkoutFiles().filter((file) => {
      if (!SERVER_CODE.test(file) || file.endsWith('/audit/record.ts')) return false
      const text = readText(file)
      return /\brecord(Audit|Together)\b/.test(text) && text.includes(`'${event}'`)
    })
    expect(writers).not.toEqual([])
  })
})
