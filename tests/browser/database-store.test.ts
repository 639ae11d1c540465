import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchProfile, type ProfileBrowser, startTestPage, type TestPage } from './browser.ts'
import type { DatabaseStorePage } from './pages/database-store-page.ts'

type Call = keyof DatabaseStorePage
let test: TestPage

beforeAll(async () => {
  test = await startTestPage({ entry: new URL('./pages/database-store-page.ts', import.meta.url) })
})
afterAll(async () => {
  await test?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await test.open()
  await on(test.page, 'deleteDatabase')
})

async function opened(page: Page): Promise<void> {
  await page.goto(test.origin)
  await page.waitForFunction('globalThis.ready === true')
}

/** Calls a function of the page by its name. */
async function on<C extends Call>(page: Page, call: C, ...input: Parameters<DatabaseStorePage[C]>) {
  const answer: unknown = await page.evaluate(`globalThis.store.${call}(...${JSON.stringify(input)})`)
  return answer as Awaited<ReturnType<DatabaseStorePage[C]>> // What the page's function returns.
}

describe('state in IndexedDB', () => {
  it('keeps what is appended as records of their own, and gives all of it in order', async () => {
    await on(test.page, 'save', 'seen0', 'saved;')
    await on(test.page, 'appendAll', 'seen0', 'a', 12)
    await on(test.page, 'append', 'seen1', 'of another name;')
    expect(await on(test.page, 'load', 'seen0')).toBe('saved;a0;a1;a2;a3;a4;a5;a6;a7;a8;a9;a10;a11;')
    expect(await on(test.page, 'loadAsBefore', 'seen0')).toBe('saved;')
    expect((await on(test.page, 'keys')).length).toBe(14)
  })

  it('appends to what an earlier build has written', async () => {
    await on(test.page, 'saveAsBefore', 'seen2', 'from before;')
    await on(test.page, 'append', 'seen2', 'since;')
    expect(await on(test.page, 'load', 'seen2')).toBe('from before;since;')
    expect(await on(test.page, 'load', 'seen0')).toBe(null)
  })

  it('saves in place of all that was appended, and removes all of it', async () => {
    await on(test.page, 'append', 'cacheLog', 'old;')
    await on(test.page, 'append', 'cacheLog', 'old;')
    await on(test.page, 'save', 'cacheLog', 'new;')
    await on(test.page, 'append', 'cacheLog', 'newer;')
    expect(await on(test.page, 'load', 'cacheLog')).toBe('new;newer;')
    await on(test.page, 'append', 'cache', 'stays')
    await on(test.page, 'remove', 'cacheLog')
    expect(await on(test.page, 'load', 'cacheLog')).toBe(null)
    expect(await on(test.page, 'keys')).toEqual([['cache', 0]])
  })

  it('loses nothing of what two tabs append at once', async () => {
    const other = await test.page.context().newPage()
    await opened(other)
    await Promise.all([on(test.page, 'appendAll', 'seen0', 'a', 40), on(other, 'appendAll', 'seen0', 'b', 40)])
    const pieces = (await on(other, 'load', 'seen0'))?.split(';').slice(0, -1) ?? []
    await other.close()
    expect(pieces.length).toBe(80)
    for (const tab of ['a', 'b']) {
      const own = Array.from({ length: 40 }, (_, index) => `${tab}${index}`)
      expect(pieces.filter((piece) => piece.startsWith(tab))).toEqual(own)
    }
  })

  it('goes on after the database was deleted in the middle', async () => {
    await on(test.page, 'save', 'seen0', 'gone;')
    await on(test.page, 'append', 'seen0', 'gone as well;')
    await on(test.page, 'deleteDatabase')
    await on(test.page, 'append', 'seen0', 'kept;')
    expect(await on(test.page, 'load', 'seen0')).toBe('kept;')
  })
})

describe('a browser that is killed', () => {
  it('has kept every piece that was said to be kept, and none in part', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'strongroom-profile-'))
    let browser: ProfileBrowser | null = null
    try {
      browser = await launchProfile(folder)
      const page = await browser.context.newPage()
      await opened(page)
      let kept = -1
      await new Promise<void>((done, fail) => {
        const told = (index: number): void => {
          kept = index
          if (index === 20) done()
        }
        // The appending ends with the browser.
        page
          .exposeFunction('told', told)
          .then(() => on(page, 'appendAll', 'seen0', 'a', 100_000))
          .catch(fail)
      })
      await browser.kill9()
      browser = await launchProfile(folder)
      const again = await browser.context.newPage()
      await opened(again)
      const pieces = (await on(again, 'load', 'seen0'))?.split(';') ?? []
      expect(pieces.pop()).toBe('')
      expect(pieces.length).toBeGreaterThan(kept)
      expect(pieces).toEqual(Array.from({ length: pieces.length }, (_, index) => `a${index}`))
    } finally {
      await browser?.kill9()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  })
})
