import { PDFDataRangeTransport } from 'pdfjs-dist/legacy/build/pdf.mjs'
import type { PdfAnswer, PdfWord } from './messages.ts'

/** What the frame says to the app, and what comes back. */
export interface App {
  readonly tell: (word: PdfWord) => void
  /** Bytes of the file, asked for as the library needs them. */
  readonly range: (size: number) => PDFDataRangeTransport
  /** A part of the library by its name. */
  readonly part: (name: string) => Promise<Uint8Array>
}

/** @param onAnswer - gets what is not for the library */
export function connectApp(port: MessagePort, onAnswer: (answer: PdfAnswer) => void): App {
  const waiting = new Map<number, (bytes: Uint8Array<ArrayBuffer> | null) => void>()
  let ranges: PDFDataRangeTransport | null = null
  let asked = 0
  const tell = (word: PdfWord): void => port.postMessage(word)
  port.onmessage = ({ data }: MessageEvent<PdfAnswer>) => {
    if (data.type === 'range') ranges?.onDataRange(data.begin, data.bytes)
    else if (data.type === 'part') {
      waiting.get(data.id)?.(data.bytes)
      waiting.delete(data.id)
    } else onAnswer(data)
  }
  return {
    tell,
    range(size) {
      ranges = new PDFDataRangeTransport(size, null)
      ranges.requestDataRange = (begin, end) => tell({ type: 'range', begin, end })
      return ranges
    },
    async part(name) {
      asked += 1
      const id = asked
      const bytes = await new Promise<Uint8Array<ArrayBuffer> | null>((done) => {
        waiting.set(id, done)
        tell({ type: 'part', id, name })
      })
      if (bytes === null) throw new Error('there is no such part')
      return bytes
    },
  }
}
