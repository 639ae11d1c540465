import { type Chromium, startChromium } from './chromium.ts'

/** The web app in a browser, signed in. */
export interface WebTab extends AsyncDisposable {
  readonly browser: Chromium
  /** Has files picked for the folder that is shown, and waits until the app says that all are uploaded. */
  upload(paths: readonly string[]): Promise<void>
  /** Downloads an entry of the folder that is shown; its path once it is on the disk. */
  download(name: string): Promise<string>
  /** Closes what the app tells of transfers, so that the next upload is counted anew. */
  clear(): Promise<void>
}

/** What `npm test` would find as well. */
async function browserPath(): Promise<string> {
  const finder = new URL('../scripts/browser.mjs', import.meta.url).href
  // Reason for the cast: scripts have no types.
  const { findBrowser } = (await import(finder)) as { findBrowser: (kind: 'chromium') => Promise<string> }
  return await findBrowser('chromium')
}

export async function openWebTab(server: string, login: string, password: string): Promise<WebTab> {
  const browser = await startChromium(await browserPath())
  try {
    await browser.open(server)
    await browser.run(waitForText, 'label', 'Login name')
    for (const [label, text] of [
      ['Login name', login],
      ['Password', password],
    ] as const) {
      await browser.run(focusField, label)
      await browser.type(text)
    }
    await browser.run(clickButton, 'Sign in')
    await browser.run(waitForText, 'input[type=file]', '')
    // The service worker of a new profile is there a moment later, and downloads need it.
    await browser.run(waitForServiceWorker)
    return {
      browser,
      async upload(paths) {
        const done = paths.length === 1 ? '1 file uploaded' : `${paths.length.toLocaleString('en')} files uploaded`
        const shown = browser.run(waitForText, 'body', done)
        await browser.pick('input[type=file]', paths)
        await shown
      },
      async download(name) {
        const path = browser.downloaded()
        await browser.run(checkRow, name)
        await browser.run(clickButton, 'Download')
        const saved = await path
        await browser.run(clickButton, 'Clear selection')
        return saved
      },
      async clear() {
        await browser.run(clickButton, 'Close')
      },
      [Symbol.asyncDispose]: () => browser[Symbol.asyncDispose](),
    }
  } catch (error) {
    await browser[Symbol.asyncDispose]()
    throw error
  }
}

// What follows runs in the page.

/** Waits until an element is there that has this text. */
function waitForText(selector: string, text: string): Promise<boolean> {
  return new Promise((done) => {
    const look = (): void => {
      const found = document.querySelector(selector)
      if (found === null || !(found.textContent ?? '').includes(text)) return
      observer.disconnect()
      done(true)
    }
    const observer = new MutationObserver(look)
    observer.observe(document, { subtree: true, childList: true, characterData: true })
    look()
  })
}

function waitForServiceWorker(): Promise<boolean> {
  const workers = navigator.serviceWorker
  return new Promise((done) => {
    if (workers.controller !== null) done(true)
    workers.addEventListener('controllerchange', () => done(true))
  })
}

function focusField(label: string): void {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent?.trim().startsWith(label))
  const field = found?.control ?? null
  if (field === null) throw new Error(`There is no field ${label}.`)
  field.focus()
}

/** Waits for a button that can be pressed, and presses it. */
function clickButton(name: string): Promise<boolean> {
  return new Promise((done) => {
    const look = (): void => {
      const buttons = [...document.querySelectorAll('button')].filter((each) => !each.disabled)
      const found = buttons.find((each) => (each.getAttribute('aria-label') ?? each.textContent ?? '').trim() === name)
      if (found === undefined) return
      observer.disconnect()
      found.click()
      done(true)
    }
    const observer = new MutationObserver(look)
    observer.observe(document, { subtree: true, childList: true, attributes: true })
    look()
  })
}

/** Selects an entry of the folder that is shown. */
function checkRow(name: string): void {
  const rows = [...document.querySelectorAll('[role=row]')]
  const found = rows.find((each) => [...each.querySelectorAll('button')].some((button) => button.textContent === name))
  const box = found?.querySelector<HTMLElement>('[role=checkbox], input[type=checkbox]') ?? null
  if (box === null) throw new Error('The entry is not shown.')
  box.click()
}
