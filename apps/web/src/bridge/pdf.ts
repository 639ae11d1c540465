import type { PdfAnswer, PdfKey, PdfOpening, PdfProblem, PdfWord } from '../pdf-frame/messages.ts'
import type { VaultFailure } from '../worker/vault-api.ts'
import { asFailure, type Vault } from './connect.ts'
import { loadFailure } from './load.ts'
import { pdfPart, pdfWorkerScript } from './pdf-parts.ts'

/** Address of the frame; see [Note: PDF frame]. */
export const PDF_FRAME = '/pdf-frame.html'

/** Files up to this size are handed over whole. */
const MOST_WHOLE_BYTES = 16 * 1024 * 1024

export interface PdfFile {
  readonly path: string
  readonly size: number
  readonly version: string | null
}

/** A frame that has said nothing for so long after it was given its file did not load. */
const SILENCE_MS = 15_000

interface Listener {
  readonly onReady: (pages: number) => void
  readonly onMove: (page: number, scale: number) => void
  readonly onKey: (key: PdfKey) => void
  readonly onProblem: (why: PdfProblem) => void
  /** The file, or a part of the library, could not be read. */
  readonly onFailure: (failure: VaultFailure) => void
}

export interface PdfControls {
  /** @param factor - times as large as now; null fits each page to the width */
  readonly zoom: (factor: number | null) => void
  readonly show: (page: number) => void
  readonly close: () => void
}

/** Shows a file in a frame that has loaded. @param pageLabel - what screen readers call the pages */
export function openPdf(
  vault: Vault,
  frame: Window,
  { file, pageLabel }: { readonly file: PdfFile; readonly pageLabel: string },
  listener: Listener,
): PdfControls {
  const { port1, port2 } = new MessageChannel()
  const { path, size, version } = file
  const tell = (answer: PdfAnswer, transfer: Transferable[] = []): void => port1.postMessage(answer, transfer)
  const failed = (cause: unknown): void => listener.onFailure(asFailure(cause))
  const bytesOf = (offset: number, length: number) => vault.bytes({ path, version, offset, length })

  let silence: ReturnType<typeof setTimeout> | undefined
  const answer = async (word: PdfWord): Promise<void> => {
    if (word.type === 'range') {
      const { begin, end } = word
      if (!isWithin(begin, 0, size) || !isWithin(end, begin, size)) return
      const bytes = await bytesOf(begin, end - begin)
      tell({ type: 'range', begin, bytes }, [bytes.buffer])
    }
    if (word.type === 'part') {
      const bytes = await pdfPart(word.name)
      tell({ type: 'part', id: word.id, bytes }, bytes === null ? [] : [bytes.buffer])
    }
    if (word.type === 'ready' && isWithin(word.pages, 1, Number.MAX_SAFE_INTEGER)) listener.onReady(word.pages)
    if (word.type === 'at' && isWithin(word.page, 1, Number.MAX_SAFE_INTEGER)) {
      listener.onMove(word.page, Number(word.scale))
    }
    if (word.type === 'key') listener.onKey(word.key)
    if (word.type === 'failed') listener.onProblem(word.why === 'password' ? 'password' : 'damaged')
  }
  port1.onmessage = ({ data }: MessageEvent<PdfWord>) => {
    clearTimeout(silence)
    void answer(data).catch(failed)
  }

  const begin = async (): Promise<void> => {
    const whole = size <= MOST_WHOLE_BYTES
    const [workerScript, bytes] = await Promise.all([pdfWorkerScript(), whole ? bytesOf(0, size) : null])
    const opening: PdfOpening = { type: 'open', workerScript, size, bytes, pageLabel }
    // Reason for the star: the frame has no origin that could be named. It is this page's own, and nobody can replace it.
    frame.postMessage(opening, '*', bytes === null ? [port2] : [port2, bytes.buffer])
    silence = setTimeout(() => void loadFailure().then(listener.onFailure), SILENCE_MS)
  }
  begin().catch(failed)
  return {
    zoom: (factor) => tell({ type: 'zoom', factor }),
    show: (page) => tell({ type: 'page', page }),
    close() {
      clearTimeout(silence)
      port1.close()
    },
  }
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most
}
