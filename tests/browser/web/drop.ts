import type { Page } from 'playwright-core'

/**
 * Drops files and folders of this machine onto the middle of a page, as its file manager does. Chromium only.
 *
 * @param hover - called while they are held over the page
 */
export async function dropFromDisk(page: Page, paths: readonly string[], hover: () => Promise<void>): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const { width, height } = page.viewportSize() ?? { width: 0, height: 0 }
  const data = { items: [], files: [...paths], dragOperationsMask: 1 }
  const send = (type: 'dragEnter' | 'dragOver' | 'drop'): Promise<unknown> =>
    session.send('Input.dispatchDragEvent', { type, x: width / 2, y: height / 2, data })
  await send('dragEnter')
  await send('dragOver')
  await hover()
  await send('drop')
  await session.detach()
}
