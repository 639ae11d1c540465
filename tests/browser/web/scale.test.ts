import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bulkWriter } from '../../e2e/src/checkpoints/bulk-writer.ts'
import { freshLogin, PASSWORD, registerDevice } from '../../e2e/src/sdk/sdk.ts'
import { row, signIn, startWebWorld, type Tab, type WebWorld } from './tab.ts'
import { longTasks } from './tasks.ts'

const SOAK = process.env.STRONGROOM_SOAK === '1'
/** Three in five of them lie in one folder. */
const FILES = SOAK ? 100_000 : 2_000
const LARGE = Math.round(FILES * 0.6)
const FOLDERS = 40
/** Files of one commit. */
const BATCH = 1_000
const FRAMES = 120

const login = freshLogin()
let world: WebWorld
let tab: Tab

beforeAll(async () => {
  world = await startWebWorld()
  await fillVault(world.server.url)
  tab = await world.openProfile()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

/** An account with many files, which all hold the same. */
async function fillVault(server: string): Promise<void> {
  await using device = await registerDevice(server, login)
  const writer = await bulkWriter(device)
  const large = writer.folder('all of them')
  await writer.commit(large.operations)
  const put = async (parent: typeof large.nodeId, count: number, prefix: string): Promise<void> => {
    for (let start = 0; start < count; start += BATCH) {
      const names = Array.from({ length: Math.min(BATCH, count - start) }, (_, index) => nameOf(prefix, start + index))
      await writer.commit(await writer.files(parent, names))
    }
  }
  await put(large.nodeId, LARGE, 'holiday')
  for (let index = 0; index < FOLDERS; index += 1) {
    const folder = writer.folder(`folder ${index}`)
    await writer.commit(folder.operations)
    await put(folder.nodeId, Math.floor((FILES - LARGE) / FOLDERS), `report ${index}`)
  }
  writer.close()
  // Names the first checkpoint, from which other devices begin.
  await device.session.drive.sync()
}

function nameOf(prefix: string, index: number): string {
  return `${prefix} ${String(index).padStart(6, '0')}.jpg`
}

/** Says which tasks were long, and in soak runs lets none pass. */
async function withoutLongTasks(what: string, limitMs: number, act: () => Promise<void>): Promise<void> {
  const { busy, clock } = await longTasks(tab.page, limitMs, act)
  const list = (times: number[]): string => (times.length === 0 ? 'none' : `${times.join(', ')} ms`)
  console.info(`${what}: tasks of more than ${limitMs} ms: ${list(busy)}; by the clock: ${list(clock)}`)
  if (SOAK) expect(busy).toEqual([])
}

describe(`a vault of ${FILES} files`, () => {
  it('opens, and shows a folder of most of them', async () => {
    const { page } = tab
    await signIn(tab, login, PASSWORD)
    await row(tab, 'all of them').waitFor({ timeout: 120_000 })
    await page.getByRole('button', { name: 'all of them', exact: true }).click()
    await row(tab, nameOf('holiday', 0)).waitFor({ timeout: 60_000 })
    expect(await page.getByRole('grid').getAttribute('aria-rowcount')).toBe(String(LARGE))
  })

  it('scrolls from end to end without a blank row in any frame', async () => {
    const { page } = tab
    let blank = -1
    await withoutLongTasks(`scrolling ${FILES}`, 50, async () => {
      blank = await page.evaluate(async (frames) => {
        const list = document.querySelector('[role="grid"]')
        if (list === null) throw new Error('there is no list')
        let blanks = 0
        const far = list.scrollHeight - list.clientHeight
        for (let frame = 0; frame <= frames; frame += 1) {
          // Small steps as of a wheel, and leaps as of a dragged scrollbar.
          list.scrollTop = frame % 10 === 0 ? (far * frame) / frames : list.scrollTop + 260
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
          const { top, bottom, left } = list.getBoundingClientRect()
          for (let y = top + 8; y < bottom - 8; y += 24) {
            const hit = document.elementFromPoint(left + 120, y)
            if (hit?.closest('[role="row"]') === null) blanks += 1
          }
        }
        return blanks
      }, FRAMES)
    })
    expect(blank).toBe(0)
  })

  it('answers each keystroke of a search', async () => {
    const { page } = tab
    const search = page.getByLabel('Search all files')
    await search.fill('x')
    await page.waitForTimeout(1_000)
    const times: number[] = []
    const text = nameOf('report 7', 12)
    await search.fill('')
    await withoutLongTasks('searching', 50, async () => {
      for (let length = 1; length <= text.length; length += 1) {
        const before = await page.evaluate(() => performance.now())
        await search.fill(text.slice(0, length))
        times.push(Math.round((await page.evaluate(() => performance.now())) - before))
        await page.waitForTimeout(120)
      }
      await row(tab, text).waitFor()
    })
    console.info(`keystrokes: ${times.join(', ')} ms`)
  })

  it('selects all of a folder, and none', async () => {
    const { page } = tab
    await page.keyboard.press('Escape')
    await row(tab, nameOf('holiday', 0)).waitFor()
    await page.getByRole('grid').focus()
    await withoutLongTasks('selecting all', 250, async () => {
      await page.keyboard.press('Control+a')
      await page.getByText(`${LARGE.toLocaleString('en')} selected`).waitFor()
    })
    await page.keyboard.press('Escape')
    expect(tab.complaints).toEqual([])
  })
})
