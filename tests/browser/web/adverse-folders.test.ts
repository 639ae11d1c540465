import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newOwner } from './owner.ts'
import { row, startWebWorld, type Tab, type WebWorld } from './tab.ts'

const LONGEST = 'x'.repeat(255)

let world: WebWorld
let disk: string

beforeAll(async () => {
  world = await startWebWorld()
  disk = await mkdtemp(path.join(tmpdir(), 'strongroom-folders-'))
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await rm(disk, { recursive: true, force: true })
})

/** Writes files below a new folder; null makes an empty one. */
async function write(name: string, files: Readonly<Record<string, string | null>>): Promise<string> {
  const top = path.join(disk, `${name}-${Date.now()}`)
  for (const [relative, text] of Object.entries(files)) {
    const file = path.join(top, relative)
    await mkdir(text === null ? file : path.dirname(file), { recursive: true })
    if (text !== null) await writeFile(file, text)
  }
  return top
}

/** Drops something onto the page as a file manager does. */
async function drop({ page, context }: Tab, files: readonly string[]): Promise<void> {
  const tools = await context.newCDPSession(page)
  const data = { items: [], files: [...files], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await tools.send('Input.dispatchDragEvent', { type, x: 700, y: 500, data })
  }
  await tools.detach()
}

const panel = ({ page }: Tab) => page.getByRole('region', { name: 'Transfers' })

describe('a dropped folder', () => {
  it('arrives whole: empty folders, hidden and empty files, names that differ by case or form, the longest names', async () => {
    await using tab = await newOwner(world)
    const top = await write('whole', {
      'empty/deeper': null,
      'full/sub/zero': '',
      'full/.hidden': 'hidden',
      'A.txt': 'upper',
      'a.txt': 'lower',
      'caf\u00e9.txt': 'composed',
      'cafe\u0301.txt': 'decomposed',
      'back\\slash: *?.txt': 'odd',
      [LONGEST]: 'long',
    })
    await drop(tab, [top])
    await panel(tab).getByText('8 files uploaded').waitFor()
    const { drive } = tab.device.session
    const found = await drive.list(`/${path.basename(top)}`, { recursive: true })
    expect(found.map((entry) => entry.path.slice(top.length - disk.length).normalize('NFC')).sort()).toEqual(
      [
        ...['/A.txt', '/a.txt', '/back\\slash: *?.txt', '/caf\u00e9.txt', '/caf\u00e9 (2).txt'],
        ...['/empty', '/empty/deeper', '/full', '/full/.hidden', '/full/sub', '/full/sub/zero', `/${LONGEST}`],
      ].sort(),
    )
    expect(tab.complaints).toEqual([])
  })

  it('leaves out what cannot be read, and says so', async () => {
    await using tab = await newOwner(world)
    await tab.page.evaluate(() => {
      const lock = ({ dataTransfer }: DragEvent): void => {
        // Reason for the cast: what is dropped here is files.
        const entry = dataTransfer?.items[0]?.webkitGetAsEntry() as FileSystemFileEntry
        const prototype: FileSystemFileEntry = Object.getPrototypeOf(entry)
        const { file } = prototype
        prototype.file = function (this: FileSystemFileEntry, done, fail) {
          if (this.name === 'locked.txt') fail?.(new DOMException('locked', 'NotReadableError'))
          else file.call(this, done, fail)
        }
      }
      addEventListener('drop', lock, { capture: true, once: true })
    })
    const top = await write('locked', { 'locked.txt': 'locked', 'open.txt': 'open' })
    await drop(
      tab,
      ['locked.txt', 'open.txt'].map((name) => path.join(top, name)),
    )
    await tab.page.getByText('1 item could not be read and was left out').waitFor()
    await panel(tab).getByText('1 file uploaded').waitFor()
    await row(tab, 'open.txt').waitFor()
  })
})

describe('files that change on disk before they are sent', () => {
  it('are told, one by one, and hold up no other', async () => {
    await using tab = await newOwner(world)
    const top = await write('changing', { 'gone.txt': 'gone', 'changed.txt': 'changed', 'kept.txt': 'kept' })
    const files = ['gone.txt', 'changed.txt', 'kept.txt'].map((name) => path.join(top, name))
    await tab.context.setOffline(true)
    await tab.page.locator('input[type=file]').first().setInputFiles(files)
    await panel(tab).getByRole('status').getByText('Waiting for the network').waitFor()
    await rm(path.join(top, 'gone.txt'))
    await appendFile(path.join(top, 'changed.txt'), ' again')
    await tab.context.setOffline(false)
    await row(tab, 'kept.txt').waitFor()
    const told = panel(tab).getByText('The file was changed, moved or deleted on this device. Choose it again.')
    await expect.poll(() => told.count()).toBe(2)
    await panel(tab).getByRole('status').getByText('2 uploads failed').waitFor()
  })
})
