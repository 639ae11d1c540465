import { AnnotationMode, type PDFDocumentProxy, type PDFPageProxy, TextLayer } from 'pdfjs-dist/legacy/build/pdf.mjs'

/** CSS pixels to a unit of PDFs, which is a point. */
export const CSS_UNITS = 96 / 72
/** More pixels than these make a page blurred instead. */
const MOST_CANVAS_PIXELS = 16_000_000
/** Pages that are scrolled past are not drawn. */
const PATIENCE_MS = 80

/** A page on the screen, or near it. */
export interface PageView {
  readonly element: HTMLElement
  /** Draws the page anew if its scale is another one. */
  draw(scale: number): void
  remove(): void
}

/** @param onSize - told the page's size at scale 1 in CSS pixels, as soon as it is known */
export function createPageView(
  pdf: PDFDocumentProxy,
  index: number,
  { label, onSize }: { readonly label: string; readonly onSize: (width: number, height: number) => void },
): PageView {
  const element = document.createElement('section')
  element.className = 'page'
  element.setAttribute('aria-label', label)
  let page: PDFPageProxy | null = null
  let scale: number | null = null
  let removed = false
  let stop = (): void => undefined
  const draw = (): void => {
    stop()
    if (page !== null && scale !== null) stop = drawPage(page, scale, element)
  }
  const timer = setTimeout(async () => {
    // A page that cannot be read stays white; the others are shown.
    page = await pdf.getPage(index + 1).catch(() => null)
    if (page === null || removed) return
    const { width, height } = page.getViewport({ scale: CSS_UNITS })
    onSize(width, height)
    draw()
  }, PATIENCE_MS)
  return {
    element,
    draw(wanted) {
      if (scale === wanted) return
      scale = wanted
      draw()
    },
    remove() {
      removed = true
      clearTimeout(timer)
      stop()
      element.remove()
      page?.cleanup()
    },
  }
}

/** Draws a page into an element, in place of what was there; returns what ends that. */
function drawPage(page: PDFPageProxy, scale: number, element: HTMLElement): () => void {
  const viewport = page.getViewport({ scale: scale * CSS_UNITS })
  const pixels = Math.max(1, viewport.width * viewport.height)
  const ratio = Math.min(devicePixelRatio, Math.sqrt(MOST_CANVAS_PIXELS / pixels))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.floor(viewport.width * ratio))
  canvas.height = Math.max(1, Math.floor(viewport.height * ratio))
  canvas.setAttribute('aria-hidden', 'true')
  const text = document.createElement('div')
  text.className = 'textLayer'
  text.style.setProperty('--total-scale-factor', String(viewport.scale))
  const transform = ratio === 1 ? {} : { transform: [ratio, 0, 0, ratio, 0, 0] }
  const task = page.render({ canvas, viewport, annotationMode: AnnotationMode.ENABLE, ...transform })
  const layer = new TextLayer({ textContentSource: page.streamTextContent(), container: text, viewport })
  const whole = Promise.all([task.promise, layer.render()])
  whole.then(
    () => element.replaceChildren(canvas, text),
    () => undefined,
  )
  return () => {
    task.cancel()
    layer.cancel()
  }
}
