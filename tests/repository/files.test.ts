import { describe, expect, it } from 'vitest'
import { checkoutFiles, readText } from './checkout.ts'

const MAX_LINES = 400

/** Files above the limit, each with its reason. */
const LONGER: Record<string, string> = {
  'packages/vault/src/header/verify-commit.test.ts': 'one rule of the log after the other, on one chain',
  'packages/vault/src/rebase/rebase.test.ts': 'one meeting of two devices after the other, on one state',
  'tests/adversary/src/tampering/attacks.ts': 'a table of attacks, one entry each',
}

/** Written in pieces, so that this file does not hold what it looks for. */
const FORBIDDEN: Record<string, RegExp> = {
  'a home folder': new RegExp(`(?<![\\w.])/${'root'}/|/${'home'}/(?!user\\b)\\w|/${'Users'}/\\w`),
  'a folder of one machine': new RegExp(`(?<![\\w.@-])/${'work'}/(main|shared)|/${'tmp'}/h/`),
  'a registry host': new RegExp(`registry\\.${'npmjs'}|${'npmjs'}\\.org|artifac${'tory'}|verda${'ccio'}`, 'i'),
}

const files = checkoutFiles()
const texts = files.filter((file) => !/\.(png|ico|woff2?|wasm|bin)$/.test(file))
const sources = files.filter((file) => /\.(ts|tsx|js|mjs|cjs)$/.test(file))

describe('the files of the repository', () => {
  it.each(Object.entries(FORBIDDEN))('do not name %s', (_what, pattern) => {
    expect(texts.filter((file) => pattern.test(readText(file)))).toEqual([])
  })

  it(`are at most ${MAX_LINES} lines of code long, or have a reason`, () => {
    const long = sources.filter((file) => readText(file).split('\n').length - 1 > MAX_LINES)
    expect(long.filter((file) => LONGER[file] === undefined)).toEqual([])
    expect(Object.keys(LONGER).filter((file) => !sources.includes(file))).toEqual([])
  })

  it('are kebab-case and named by subject', () => {
    const named = sources.map((file) => file.split('/').at(-1) ?? '')
    expect(named.filter((name) => !/^\.?[a-z0-9]+([.-][a-z0-9]+)*\.(ts|tsx|js|mjs|cjs)$/.test(name))).toEqual([])
    expect(named.filter((name) => /^(utils?|helpers?|common|manager)\./.test(name))).toEqual([])
  })

  it('never switch off a check in place', () => {
    const marks = new RegExp(
      `@ts-${'ignore'}|@ts-${'nocheck'}|biome-${'ignore'}|\\b${'TO'}${'DO'}\\b|\\b${'FIX'}${'ME'}\\b`,
    )
    expect(sources.filter((file) => marks.test(readText(file)))).toEqual([])
  })
})
