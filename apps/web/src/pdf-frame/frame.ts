import { getDocument, type PDFDocumentProxy, PDFWorker, VerbosityLevel } from 'pdfjs-dist/legacy/build/pdf.mjs'
import type { PdfAnswer, PdfKey, PdfOpening, PdfProblem } from './messages.ts'
import { type App, connectApp } from './source.ts'
import { startViewer, type Viewer } from './viewer.ts'

// See [Note: PDF frame].

/** Larger pictures within a PDF are left out: each of their pixels takes four bytes. */
const MOST_IMAGE_PIXELS = 64_000_000
/** The app reads and verifies 8 MiB for each of these. */
const RANGE_BYTES = 2 * 1024 * 1024
/** Folders of the library's parts, by what it calls them. */
const FOLDERS: Readonly<Record<string, string>> = {
  cMapUrl: 'cmaps/',
  standardFontDataUrl: 'standard_fonts/',
  wasmUrl: 'wasm/',
}
const KEYS: readonly string[] = ['Escape', 'ArrowLeft', 'ArrowRight'] satisfies readonly PdfKey[]

addEventListener('message', function open({ source, data, ports }: MessageEvent<PdfOpening>) {
  const port = ports[0]
  if (source !== parent || data?.type !== 'open' || port === undefined) return
  removeEventListener('message', open)
  void show(data, port)
})

async function show(opening: PdfOpening, port: MessagePort): Promise<void> {
  let viewer: Viewer | null = null
  const app = connectApp(port, (answer) => act(viewer, answer))
  app.tell({ type: 'here' })
  const place = document.getElementById('pages')
  if (place === null) throw new Error('the frame has a place for pages')
  try {
    const pdf = await read(opening, app)
    viewer = await startViewer(place, pdf, {
      pageLabel: opening.pageLabel,
      onMove: (page, scale) => app.tell({ type: 'at', page, scale }),
    })
    app.tell({ type: 'ready', pages: pdf.numPages })
  } catch (error) {
    app.tell({ type: 'failed', why: problemOf(error) })
  }
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS.includes(event.key)) return
    // A page that is wider than the screen is moved by the arrows.
    if (event.key !== 'Escape' && document.documentElement.scrollWidth > innerWidth) return
    app.tell({ type: 'key', key: event.key as PdfKey })
  })
}

function act(viewer: Viewer | null, answer: PdfAnswer): void {
  if (answer.type === 'zoom') viewer?.zoom(answer.factor)
  if (answer.type === 'page') viewer?.show(answer.page)
}

function read({ workerScript, size, bytes }: PdfOpening, app: App): Promise<PDFDocumentProxy> {
  return new Promise((done, fail) => {
    const worker = startWorker(workerScript, () => fail(new Error('the worker does not run')))
    const task = getDocument({
      // Reason for the cast: the types that the library gives take the default, null, for the only value.
      worker: new PDFWorker({ port: worker as unknown as null }),
      verbosity: VerbosityLevel.ERRORS,
      ...(bytes === null ? { range: app.range(size), rangeChunkSize: RANGE_BYTES } : { data: bytes }),
      disableAutoFetch: true,
      disableStream: true,
      isEvalSupported: false,
      enableXfa: false,
      maxImageSize: MOST_IMAGE_PIXELS,
      useWorkerFetch: false,
      // Reason: looking for fonts of the system goes by addresses, which the frame may not ask.
      useSystemFonts: false,
      ...FOLDERS,
      BinaryDataFactory: class {
        fetch = ({ kind, filename }: { kind: string; filename: string }) => app.part(`${FOLDERS[kind]}${filename}`)
      },
    })
    task.onPassword = () => fail(Object.assign(new Error('it is locked'), { name: PASSWORD }))
    task.promise.then(done, fail)
  })
}

const PASSWORD = 'PasswordException'

function problemOf(error: unknown): PdfProblem {
  return error instanceof Error && error.name === PASSWORD ? 'password' : 'damaged'
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string }
}

/** The library's worker, which has this document's origin and policy: none, and no network. */
function startWorker(script: string, onError: () => void): Worker {
  const own = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }))
  const rules = {
    createScriptURL(url: string): string {
      if (url !== own) throw new TypeError('this script is not part of the app')
      return url
    },
  }
  // Reason for the cast: the DOM types do not know Trusted Types, which some browsers lack.
  const factory = (globalThis as unknown as { trustedTypes?: TrustedTypes }).trustedTypes
  const policy = factory?.createPolicy('strongroom-pdf', rules) ?? rules
  const worker = new Worker(policy.createScriptURL(own))
  worker.addEventListener('error', onError)
  return worker
}
