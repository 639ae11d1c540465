import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshLogin, PASSWORD, registerDevice } from '../../e2e/src/sdk/sdk.ts'
import { downloadEntry, row, signIn, startWebWorld, uploadFiles, type WebWorld } from './tab.ts'

const SOAK = process.env.STRONGROOM_SOAK === '1'
const DAY_MS = 86_400_000
/** Several parts, each under an address that the server has dated. */
const SIZE = 9_000_000

let world: WebWorld

beforeAll(async () => {
  world = await startWebWorld()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

/** A script that sets the clock of what runs after it. */
const shift = (ms: number): string => `{
  const Real = Date
  globalThis.Date = class extends Real {
    constructor(...given) {
      super(...(given.length === 0 ? [Real.now() + ${ms}] : given))
    }
    static now() {
      return Real.now() + ${ms}
    }
  }
};`

describe('a device whose clock is wrong', () => {
  it.each(SOAK ? [2, -2] : [2])('by %i days signs in, uploads, downloads and goes on after a reload', async (days) => {
    const login = freshLogin()
    await using device = await registerDevice(world.server.url, login)
    expect(device.session.identity.login).toBe(login)
    const tab = await world.openProfile()
    const { page, context } = tab
    // The parts that this page loads have the right clock, and are none of those that are counted.
    await page.getByLabel('Login name').waitFor()
    await context.addInitScript(shift(days * DAY_MS))
    const shifted: string[] = []
    await context.route('**/assets/vault-worker-*.js', async (route) => {
      const script = await route.fetch()
      shifted.push(route.request().url())
      await route.fulfill({ response: script, body: shift(days * DAY_MS) + (await script.text()) })
    })
    await page.reload()
    expect(Math.round((await page.evaluate(() => Date.now())) / DAY_MS - Date.now() / DAY_MS)).toBe(days)
    await signIn(tab, login, PASSWORD)
    await page.getByText('This folder is empty').waitFor()
    const bytes = randomBytes(SIZE)
    await uploadFiles(tab, [{ name: 'large.bin', bytes }])
    const download = await downloadEntry(tab, 'large.bin')
    expect((await readFile(await download.path())).equals(bytes)).toBe(true)
    await page.reload()
    await row(tab, 'large.bin').waitFor()
    expect(shifted).toHaveLength(2)
    expect(tab.complaints).toEqual([])
    await context.close()
  })
})
