import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { source } from 'axe-core'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { DESKTOP, PHONE } from './tab.ts'

/** Where pictures of all screens are kept. */
export const PICTURES = fileURLToPath(new URL('../../../artifacts/screenshots/', import.meta.url))

const SOAK = process.env.STRONGROOM_SOAK === '1'
const NARROW = { width: 360, height: 740 }
const WIDE = { width: 1920, height: 1080 }

interface Finding {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

/** What axe finds wrong on the screen as it is. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(source)
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: Finding[] }> } }
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations: found } = await axe.run({ runOnly: { type: 'tag', values: tags } })
    return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)
  })
}

/** Words that are cut without a sign of it, and what reaches beyond the sides of the page. */
async function cutWords(page: Page): Promise<string[]> {
  return await page.evaluate(() => {
    const found: string[] = []
    if (document.documentElement.scrollWidth > innerWidth) found.push('the page is wider than the window')
    for (const element of document.querySelectorAll<HTMLElement>('body *')) {
      const style = getComputedStyle(element)
      const words = [...element.childNodes].some(
        (node) => node.nodeType === 3 && (node.textContent ?? '').trim() !== '',
      )
      if (!words || element.closest('.visually-hidden, .print-sheet') !== null || !element.checkVisibility()) continue
      const says = `${element.className}: ${(element.textContent ?? '').slice(0, 60)}`
      const isCut = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0
      if (isCut && style.overflowX !== 'visible' && style.textOverflow !== 'ellipsis' && style.overflowX !== 'auto') {
        found.push(`cut: ${says}`)
      }
      const { left, right } = element.getBoundingClientRect()
      let around = element.parentElement
      while (around !== null && getComputedStyle(around).overflowX === 'visible') around = around.parentElement
      // What an element around it cuts or scrolls reaches nowhere.
      if (around === null && right > 0 && left < innerWidth && (right > innerWidth + 1 || left < -1)) {
        found.push(`beyond: ${says}`)
      }
    }
    return found
  })
}

/**
 * Holds that axe finds nothing wrong with a screen and no word is cut, in both themes and at both widths; each is kept as
 * a picture. A soak looks at 360 and 1920 pixels too.
 */
export async function inspect(page: Page, name: string): Promise<void> {
  const sizes = { desktop: DESKTOP, phone: PHONE, ...(SOAK ? { narrow: NARROW, wide: WIDE } : {}) }
  for (const theme of ['light', 'dark']) {
    for (const [size, viewport] of Object.entries(sizes)) {
      if ((size === 'narrow' && theme === 'dark') || (size === 'wide' && theme === 'light')) continue
      await page.setViewportSize(viewport)
      await page.evaluate((value) => {
        document.documentElement.dataset.theme = value
      }, theme)
      await page.waitForTimeout(200)
      const about = { timeout: 30_000, interval: 500, message: `${name}, ${size}, ${theme}` }
      // The same colours and the same places twice: axe looks at each theme and each width once.
      // Reason for asking again: a screen that is still being loaded, or is fading in, is not the one that is meant.
      if ((theme === 'light') === (size === 'desktop')) {
        await expect.poll(() => violations(page), about).toEqual([])
      }
      if (theme === 'light') await expect.poll(() => cutWords(page), about).toEqual([])
      await page.screenshot({ path: path.join(PICTURES, `${name}-${size}-${theme}.png`) })
    }
  }
  await page.setViewportSize(DESKTOP)
}
