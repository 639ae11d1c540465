import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ATTACKS } from './attacks.ts'
import { CHECKS } from './checks.ts'

const README = new URL('../../README.md', import.meta.url)

function rows(): string[] {
  return ATTACKS.map(({ name, checks, leak }) => `| ${name} | ${checks.join(', ')} | ${leak} |`)
}

describe('the table of attacks in README.md', () => {
  it('names every attack with its checks and what its mutant shows', async () => {
    const text = await readFile(README, 'utf8')
    const table = text.slice(text.indexOf('<!-- attacks'))
    // Formatting pads the columns.
    const lines = table.split('\n').map((line) => line.replaceAll(/ +/g, ' '))
    const stated = lines.filter((line) => line.startsWith('| ') && !/^\| (Attack|-)/.test(line))
    expect(stated).toEqual(rows())
  })

  it('leaves no check without an attack', () => {
    const used = new Set<string>(ATTACKS.flatMap(({ checks }) => [...checks]))
    expect(Object.keys(CHECKS).filter((check) => !used.has(check))).toEqual([])
  })
})
