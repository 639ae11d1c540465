/*
 * [Note: PDF frame] PDFs are read and drawn by a large library, and are made by anybody. So both live in a frame of an opaque
 * origin: it has no cookie, no storage, no keys, no network, and asks the app for what it needs by one port. Whatever takes
 * over that frame holds one file, which its user is looking at. The app believes nothing that comes from there: it hands
 * out bytes of that file and parts of the library by name, and shows numbers.
 */

/** Sent once, with a port for all that follows. */
export interface PdfOpening {
  readonly type: 'open'
  /** Source of the library's worker: a frame without network cannot fetch it. */
  readonly workerScript: string
  readonly size: number
  /** All of the file; null where it is asked for by ranges. */
  readonly bytes: Uint8Array<ArrayBuffer> | null
  /** What screen readers call the pages, before their number. */
  readonly pageLabel: string
}

export type PdfAnswer =
  | { readonly type: 'range'; readonly begin: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** A part of the library; null for none of that name. */
  | { readonly type: 'part'; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> | null }
  /** Times as large as now; null fits each page to the width. */
  | { readonly type: 'zoom'; readonly factor: number | null }
  /** From 1. */
  | { readonly type: 'page'; readonly page: number }

export type PdfWord =
  /** The first word. */
  | { readonly type: 'here' }
  | { readonly type: 'range'; readonly begin: number; readonly end: number }
  | { readonly type: 'part'; readonly id: number; readonly name: string }
  | { readonly type: 'ready'; readonly pages: number }
  | { readonly type: 'at'; readonly page: number; readonly scale: number }
  | { readonly type: 'failed'; readonly why: PdfProblem }
  /** Pressed in the frame, meant for the app. */
  | { readonly type: 'key'; readonly key: PdfKey }

export type PdfProblem = 'password' | 'damaged'
export type PdfKey = 'Escape' | 'ArrowLeft' | 'ArrowRight'
