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

/** Black on white by JBIG2 (ITU-T T.88): a page of 64 by 64, and one region that holds it as a fax would. */
const JBIG2 =
  '00000000 30 00 01 00000013 00000040 00000040 00000000 00000000 00 0000 00000001 26 00 01 00000034 00000040 00000040' +
  '00000000 00000000 00 01 26a0786ffffffffc82e37fffffffffffffffffffffffffffffff8ffffffff0010010'

/** Sixteen by sixteen blue points by JPEG 2000 (ITU-T T.800). */
const JPEG2000 =
  '/0//UQAvAAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAADBwEBBwEBBwEB/1IADAAAAAEAAAQEAAH/XAAEQED/ZAAlAAFDcmVhdGVkIGJ5' +
  'IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAABQAAH/k8+0ZBFQVK/fR7K3AAAAAGEhL/hp2AAAAAMJCX/B8gcRUFSv9Mh/z7RkFABcr/THsDcAAAAA' +
  'YSEv2sRAAADCQl//f//Z'

/** A picture as an object. */
function picture(shape: string, filter: string, bytes: Buffer): string {
  const head = `/Type /XObject /Subtype /Image ${shape} /Filter /${filter} /Length ${bytes.length}`
  return `<< ${head} >>\nstream\n${bytes.toString('latin1')}\nendstream`
}

/** A font that is not in the file: its characters are known by tables alone. */
function farFont(name: string, encoding: string, ordering: string): string {
  const system = `/CIDSystemInfo << /Registry (Adobe) /Ordering (${ordering}) /Supplement 2 >>`
  const descriptor = `/FontDescriptor << /Type /FontDescriptor /FontName /${name} /Flags 4 /ItalicAngle 0 >>`
  const one = `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /${name} ${system} ${descriptor} >>`
  return `<< /Type /Font /Subtype /Type0 /BaseFont /${name} /Encoding /${encoding} /DescendantFonts [${one}] >>`
}

/** Text in Japanese (in Shift JIS) and Chinese (in UCS-2), and both kinds of pictures. */
const FAR = pdfFile({
  pages: 1,
  text: () => 'From afar',
  fonts: '/F2 100 0 R /F3 101 0 R',
  pictures: '/P1 102 0 R /P2 103 0 R',
  drawing:
    'BT /F2 24 Tf 40 740 Td <93fa967b8cea82cc8f9197de> Tj ET BT /F3 24 Tf 40 700 Td <4e2d658765874ef6> Tj ET ' +
    'q 100 0 0 100 240 600 cm /P1 Do Q q 100 0 0 100 400 600 cm /P2 Do Q',
  objects: [
    farFont('HeiseiMin-W3', '90ms-RKSJ-H', 'Japan1'),
    farFont('STSong-Light', 'UniGB-UCS2-H', 'GB1'),
    picture(
      '/Width 64 /Height 64 /BitsPerComponent 1 /ColorSpace /DeviceGray',
      'JBIG2Decode',
      Buffer.from(JBIG2.replaceAll(' ', ''), 'hex'),
    ),
    picture('/Width 16 /Height 16', 'JPXDecode', Buffer.from(JPEG2000, 'base64')),
  ],
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
  { name: 'f from afar.pdf', bytes: FAR },
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

/** How many points of the first page that is drawn have a colour. */
function pointsOf(frame: Frame, colour: readonly [number, number, number]): Promise<number> {
  const drawn = frame.locator('canvas').first()
  return drawn.evaluate((found, [red, green, blue]) => {
    const canvas = found as HTMLCanvasElement
    const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] }
    let count = 0
    for (let at = 0; at < data.length; at += 4) {
      if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) count += 1
    }
    return count
  }, colour)
}

describe('a PDF', () => {
  it('is drawn and can be read where its reader is, and nowhere else', async () => {
    const frame = await show('a long.pdf')
    await textOf(1).waitFor()
    await tab.page.getByText(`of ${PAGES}`).waitFor()
    // The green square, 120 points wide, at 125 %.
    expect(await pointsOf(frame, [15, 107, 92])).toBeGreaterThan(35_000)
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
    await dismiss(tab)
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

  it('shows East Asian text and scanned pictures, which need parts of the library of their own', async () => {
    const frame = await show('f from afar.pdf')
    await frame.getByText('日本語の書類').waitFor()
    await frame.getByText('中文文件').waitFor()
    await expect.poll(() => pointsOf(frame, [20, 120, 200])).toBeGreaterThan(25_000)
    expect(await pointsOf(frame, [0, 0, 0])).toBeGreaterThan(15_000)
    await dismiss(tab)
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
