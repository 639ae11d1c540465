import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadFromDisk } from '../../packages/crypto/src/testing/node-loader.ts'
import { SUITE_CASES, type SuiteResult } from '../../packages/crypto/src/testing/suite.ts'
import { startTestPage, type TestPage } from './browser.ts'

/** `/vectors/official/…` and `/vectors/own/…`, as the suite names its files. */
async function vectorFile(path: string): Promise<string | null> {
  const [, source, file] = /^\/vectors\/(official|own)\/([\w./-]+)$/.exec(path) ?? []
  if (file === undefined || file.includes('..')) return null
  return loadFromDisk(source === 'own' ? 'own' : 'official', file)
}

describe('the crypto suite in a browser', () => {
  let test: TestPage | null = null
  let results = new Map<string, SuiteResult>()

  beforeAll(async () => {
    test = await startTestPage({ entry: new URL('./pages/crypto-page.ts', import.meta.url), file: vectorFile })
    await test.open()
    const run = (await test.page.evaluate('globalThis.suite()')) as SuiteResult[]
    results = new Map(run.map((result) => [result.name, result]))
  })

  afterAll(() => test?.[Symbol.asyncDispose]())

  it.each(SUITE_CASES.map(({ name }) => name))('%s', (name) => {
    const result = results.get(name)
    expect(result?.error).toBeUndefined()
    expect(result?.ok).toBe(true)
  })

  it('skips only what is skipped in Node', async () => {
    const { nodeEngine } = await import('@strongroom/crypto/node')
    const skipped: string[] = []
    for (const { name, run } of SUITE_CASES)
      if ((await run(nodeEngine(), loadFromDisk)) === 'skipped') skipped.push(name)
    expect([...results.values()].filter((result) => result.skipped).map((result) => result.name)).toEqual(skipped)
  })

  it('breaks no policy of its page', () => {
    // A vector file that is absent is a 404, which browsers put on the console.
    expect(test?.complaints.filter((complaint) => !complaint.includes('404'))).toEqual([])
  })
})
