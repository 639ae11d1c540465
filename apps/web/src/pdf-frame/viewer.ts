import type { PDFDocumentProxy } from 'pdfjs-dist/legacy/build/pdf.mjs'
import { layOut, MARGIN_PX, MAX_SCALE, MIN_SCALE, pageAt } from './layout.ts'
import { CSS_UNITS, createPageView, type PageView } from './page-view.ts'

/** Without being asked, no page is drawn larger than this. */
const COMFORTABLE_SCALE = 1.25

/** Elements have a greatest height; a document of more pages ends there. */
const MOST_PAGES = 10_000

export interface Viewer {
  /** @param factor - times as large as now; null fits each page to the width */
  zoom(factor: number | null): void
  /** @param page - from 1 */
  show(page: number): void
}

interface ViewerOptions {
  readonly pageLabel: string
  /** Told the page in front, from 1, and its scale. */
  readonly onMove: (page: number, scale: number) => void
}

/** Pages of a PDF under each other, of which only those near the screen are there. The whole document scrolls. */
export async function startViewer(
  element: HTMLElement,
  pdf: PDFDocumentProxy,
  options: ViewerOptions,
): Promise<Viewer> {
  const count = Math.min(pdf.numPages, MOST_PAGES)
  const first = (await pdf.getPage(1)).getViewport({ scale: CSS_UNITS })
  // Until a page was read it counts as one like the first.
  const widths = new Float64Array(count).fill(first.width)
  const heights = new Float64Array(count).fill(first.height)
  const sheet = document.createElement('div')
  sheet.className = 'sheet'
  element.replaceChildren(sheet)
  const root = document.documentElement
  const views = new Map<number, PageView>()
  let scale: number | null = null
  let layout = layOut({ widths, heights }, scale, root.clientWidth)
  if ((layout.scales[0] ?? 1) > COMFORTABLE_SCALE) scale = COMFORTABLE_SCALE

  const front = (): number => pageAt(layout, root.scrollTop + root.clientHeight / 3)

  /** Lays out anew, with the same part of the same page at the top. */
  const layOutAgain = (): void => {
    const anchor = pageAt(layout, root.scrollTop)
    const down = (root.scrollTop - (layout.tops[anchor] ?? 0)) / (layout.scales[anchor] ?? 1)
    layout = layOut({ widths, heights }, scale, root.clientWidth)
    sheet.style.height = `${layout.height}px`
    const top = (layout.tops[anchor] ?? 0) + down * (layout.scales[anchor] ?? 1)
    // Reason: setting it ends a scrolling that is under way.
    if (Math.abs(root.scrollTop - top) > 1) root.scrollTop = top
    update()
  }

  const place = (index: number, { element, draw }: PageView): void => {
    const own = layout.scales[index] ?? 1
    const width = (widths[index] ?? 0) * own
    element.style.top = `${layout.tops[index] ?? 0}px`
    element.style.left = `${Math.max(MARGIN_PX, (root.clientWidth - width) / 2)}px`
    element.style.width = `${width}px`
    element.style.height = `${(heights[index] ?? 0) * own}px`
    draw(own)
  }

  const add = (index: number): PageView => {
    const onSize = (width: number, height: number): void => {
      if (widths[index] === width && heights[index] === height) return
      widths[index] = width
      heights[index] = height
      layOutAgain()
    }
    const view = createPageView(pdf, index, { label: `${options.pageLabel} ${index + 1}`, onSize })
    views.set(index, view)
    // In their order, which is that of reading aloud.
    const after = [...views.keys()].filter((other) => other > index).sort((a, b) => a - b)[0]
    sheet.insertBefore(view.element, after === undefined ? null : (views.get(after)?.element ?? null))
    return view
  }

  function update(): void {
    const from = Math.max(0, pageAt(layout, root.scrollTop) - 1)
    const to = Math.min(count - 1, pageAt(layout, root.scrollTop + root.clientHeight) + 1)
    for (const [index, view] of views) {
      if (index >= from && index <= to) continue
      view.remove()
      views.delete(index)
    }
    for (let index = from; index <= to; index += 1) place(index, views.get(index) ?? add(index))
    options.onMove(front() + 1, layout.scales[front()] ?? 1)
  }

  let asked = false
  document.addEventListener('scroll', () => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      update()
    })
  })
  addEventListener('resize', layOutAgain)
  // Reason: browsers glide there, past hundreds of pages, each of which may end that when its size becomes known.
  addEventListener('keydown', (event) => {
    if (event.key !== 'Home' && event.key !== 'End') return
    event.preventDefault()
    root.scrollTop = event.key === 'Home' ? 0 : root.scrollHeight
  })
  layOutAgain()
  return {
    zoom(factor) {
      const now = layout.scales[front()] ?? 1
      scale = factor === null ? null : Math.min(MAX_SCALE, Math.max(MIN_SCALE, now * factor))
      layOutAgain()
    },
    show(page) {
      const index = Math.min(count, Math.max(1, Math.trunc(page) || 1)) - 1
      root.scrollTop = (layout.tops[index] ?? 0) - MARGIN_PX
    },
  }
}
