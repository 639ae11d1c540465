import type { Frame } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pdfFile } from './pdf-file.ts'
import { dismiss, row, signUp, startWebWorld, type Tab, type UploadedFile, uploadFiles, type WebWorld } from './tab.ts'

const MIB = 1024 * 1024
const PAGES = 500

/** Script of PDFs that would be noticed: it asks for an address of the server's. */
const SCRIPT = String.raw`app.launchURL\("/v1/info?owned"\);this.submitForm\("/v1/info?owned"\);fetch\("/v1/info?owned"\)`

/** Runs scripts when it is opened, shown and closed, starts a program, asks an address, and holds another file. */
const HOSTILE = pdfFile({
  pages: 2,
  text: (page) => `Hostile page ${page}`,
  catalogue:
    `/OpenAction << /S /JavaScript /JS (${SCRIPT}) >> /AA << /WC 100 0 R >> ` +
    '/Names << /JavaScript << /Names [(a) 100 0 R] >> /EmbeddedFiles << /Names [(x.exe) 102 0 R] >> >>',
  firstPage: '/AA << /O 101 0 R >> /Annots [103 0 R 104 0 R]',
  objects: [
    `<< /S /JavaScript /JS (${SCRIPT}) >>`,
    '<< /S /Launch /F (/bin/sh) >>',
    '<< /Type /Filespec /F (x.exe) /EF << /F 105 0 R >> >>',
    '<< /Type /Annot /Subtype /Link /Rect [0 0 595 842] /A << /S /URI /URI (http://127.0.0.1/v1/info?owned) >> >>',
    '<< /Type /Annot /Subtype /Screen /Rect [0 0 595 842] /A 101 0 R >>',
    '<< /Length 2 >>\nstream\nMZ\nendstream',
  ],
})

const ID = '<00112233445566778899aabbccddeeff>'
const LOCKED = pdfFile({
  pages: 1,
  text: () => 'Locked',
  trailer: `/ID [${ID} ${ID}] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${'5a'.repeat(32)}> /U <${'a5'.repeat(32)}> >>`,
})

const LARGE_BYTES = 44 * MIB
const FILES: readonly UploadedFile[] = [
  {
    name: 'a long.pdf',
    bytes: pdfFile({
      pages: PAGES,
      text: (page) => `This is page ${page}`,
      size: (page) => (page % 3 === 0 ? [842, 595] : [595, 842]),
    }),
  },
  { name: 'b hostile.pdf', bytes: HOSTILE },
  { name: 'c locked.pdf', bytes: LOCKED },
  { name: 'd damaged.pdf', bytes: Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(3_000, 7)]) },
  {
    name: 'e large.pdf',
    bytes: pdfFile({
      pages: 3,
      text: (page) => `Behind much is page ${page}`,
      objects: [`<< /Length ${LARGE_BYTES} >>\nstream\n${'x'.repeat(LARGE_BYTES)}\nendstream`],
    }),
  },
]

let world: WebWorld
let tab: Tab

beforeAll(async () => {
  world = await startWebWorld()
  tab = await world.openProfile()
  await signUp(tab, 'reader@example.org', 'a reader of long papers')
  await uploadFiles(tab, FILES)
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

/** Opens a file and gives the frame that shows it, once it does. */
async function show(name: string): Promise<Frame> {
  const { page } = tab
  await row(tab, name).getByRole('button', { name, exact: true }).click()
  await page.getByRole('toolbar', { name: 'Pages' }).waitFor()
  const frame = page.frames().find((found) => found.url().endsWith('/pdf-frame.html'))
  if (frame === undefined) throw new Error('there is no frame')
  return frame
}

const pageField = () => tab.page.getByRole('textbox', { name: 'Page' })
const textOf = (page: number) => tab.page.frameLocator('iframe').getByText(`This is page ${page}`, { exact: true })

describe('a PDF', () => {
  it('is drawn and can be read where its reader is, and nowhere else', async () => {
    const frame = await show('a long.pdf')
    await textOf(1).waitFor()
    await tab.page.getByText(`of ${PAGES}`).waitFor()
    const drawn = await frame
      .locator('canvas')
      .first()
      .evaluate((found) => {
        const canvas = found as HTMLCanvasElement
        const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] }
        return Array.from({ length: data.length / 4 }, (_, index) => data[4 * index]).filter((red) => red === 15).length
      })
    // The green square, 120 points wide, at 125 %.
    expect(drawn).toBeGreaterThan(35_000)
    await pageField().fill('400')
    await pageField().press('Enter')
    await textOf(400).waitFor()
    await expect.poll(() => pageField().inputValue()).toBe('400')
    expect(await frame.locator('section').count()).toBeLessThan(8)
  })

  it('is made larger, fitted to the width, and moved by keys', async () => {
    const { page } = tab
    await page.getByRole('button', { name: 'Larger' }).click()
    await page.getByText('156 %').waitFor()
    await page.getByRole('button', { name: 'Fit the width' }).click()
    await page.getByText('156 %').waitFor({ state: 'detached' })
    await textOf(400).waitFor()
    await page.locator('iframe').focus()
    await page.keyboard.press('End')
    await textOf(PAGES).waitFor()
    await expect.poll(() => pageField().inputValue()).toBe(String(PAGES))
    await page.keyboard.press('ArrowRight')
    await page.getByRole('dialog', { name: 'b hostile.pdf' }).waitFor()
    await page.frameLocator('iframe').getByText('Hostile page 1').waitFor()
    await page.locator('iframe').focus()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('runs nothing, asks for nothing and opens nothing when it is shown and clicked', async () => {
    const frame = await show('b hostile.pdf')
    await frame.getByText('Hostile page 2').waitFor()
    await frame.locator('section').first().click()
    const opened = await tab.page.evaluate(() => document.querySelectorAll('iframe').length)
    expect([opened, tab.context.pages().length, frame.childFrames().length]).toEqual([1, 1, 0])
    await dismiss(tab)
    expect(tab.sent.filter((text) => text.includes('owned'))).toEqual([])
  })

  it('that is locked or damaged is given as a download, with a sentence', async () => {
    const { page } = tab
    for (const [name, text] of [
      ['c locked.pdf', 'This PDF is locked with a password of its own.'],
      ['d damaged.pdf', 'This PDF is damaged, or it is none.'],
    ] as const) {
      await row(tab, name).getByRole('button', { name, exact: true }).click()
      const dialog = page.getByRole('dialog', { name })
      await dialog.getByText(text).waitFor()
      await dialog.locator('.preview-none').getByRole('button', { name: 'Download' }).waitFor()
      await dismiss(tab)
    }
  })

  it('that is large is fetched where it is looked at', async () => {
    let fetched = 0
    tab.page.context().on('response', (response) => {
      if (response.request().method() !== 'GET' || !response.url().includes('/store/')) return
      fetched += Number(response.headers()['content-length'] ?? 0)
    })
    const frame = await show('e large.pdf')
    await frame.getByText('Behind much is page 2').waitFor()
    await dismiss(tab)
    expect(fetched).toBeGreaterThan(0)
    expect(fetched).toBeLessThan(LARGE_BYTES / 2)
  })

  it('lies in a frame that reaches neither the app nor the network', async () => {
    expect(tab.complaints).toEqual([])
    const frame = await show('b hostile.pdf')
    const reached = await frame.evaluate(async () => {
      const tried = async (what: () => unknown): Promise<string> => {
        try {
          return `reached ${await what()}`
        } catch {
          return 'refused'
        }
      }
      return [
        origin,
        await tried(() => document.cookie),
        await tried(() => sessionStorage.length),
        await tried(() => parent.document.title),
        await tried(() => fetch('/v1/info')),
        await tried(() => new Worker('/service-worker.js')),
        await tried(() => open('/')?.closed ?? Promise.reject(new Error('no window'))),
      ]
    })
    expect(reached).toEqual(['null', ...Array.from({ length: 6 }, () => 'refused')])
    await dismiss(tab)
  })
})
