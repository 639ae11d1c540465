/*
 * Answers requests for `/media/<id>`, with and without Range, from the tab that shows the file: the tab knows the id and
 * pulls what is asked for out of the vault. Nothing is remembered here, so it does not matter when a browser ends this
 * worker between two requests. Whoever opens such an address otherwise gets nothing.
 */

/** Asks a tab what it has under an id; answered on the port with {@link MediaFacts} or null. */
export interface MediaQuestion {
  readonly type: 'media'
  readonly id: string
}

export interface MediaFacts {
  readonly size: number
  readonly contentType: string
}

/** Then asks for bytes; they come as those of a download. */
export interface MediaRange {
  readonly offset: number
  readonly length: number
}

interface Asked {
  postMessage(message: MediaQuestion, transfer: Transferable[]): void
}

const ANSWER_MS = 10_000

/**
 * The answer to a media request.
 *
 * @param asked - method, which is GET or HEAD, and Range header
 * @param tab - that made the request; null for none
 * @param stream - pulls a body through a port
 */
export async function answerMedia(
  id: string,
  { method, range }: { readonly method: string; readonly range: string | null },
  tab: Asked | null,
  headers: Readonly<Record<string, string>>,
  stream: (port: MessagePort) => ReadableStream<Uint8Array>,
): Promise<Response> {
  if (tab === null) return new Response(null, { status: 404, headers })
  const { port1, port2 } = new MessageChannel()
  const facts = await new Promise<MediaFacts | null>((done) => {
    setTimeout(() => done(null), ANSWER_MS)
    port1.onmessage = ({ data }: MessageEvent<MediaFacts | null>) => done(data)
    tab.postMessage({ type: 'media', id }, [port2])
  })
  if (facts === null) return new Response(null, { status: 404, headers })
  const common = { ...headers, 'accept-ranges': 'bytes', 'content-type': facts.contentType }
  if (method === 'HEAD') {
    port1.postMessage(null)
    return new Response(null, { status: 200, headers: { ...common, 'content-length': String(facts.size) } })
  }
  const wanted = parseRange(range, facts.size)
  if (wanted === null) {
    port1.postMessage(null)
    return new Response(null, { status: 416, headers: { ...common, 'content-range': `bytes */${facts.size}` } })
  }
  const length = { 'content-length': String(wanted.end - wanted.start) }
  port1.postMessage({ offset: wanted.start, length: wanted.end - wanted.start } satisfies MediaRange)
  if (range === null) return new Response(stream(port1), { status: 200, headers: { ...common, ...length } })
  const place = { 'content-range': `bytes ${wanted.start}-${wanted.end - 1}/${facts.size}` }
  return new Response(stream(port1), { status: 206, headers: { ...common, ...length, ...place } })
}

/**
 * The bytes that a Range header asks for, from `start` to before `end`; all of them without one, null when there are
 * none (RFC 9110 §14). Of several ranges the first is given, which a server may do.
 */
export function parseRange(header: string | null, size: number): { start: number; end: number } | null {
  if (header === null) return { start: 0, end: size }
  const found = /^bytes=\s*(\d*)-(\d*)/.exec(header)
  const [from, to] = [found?.[1] ?? '', found?.[2] ?? '']
  if (from === '' && to === '') return { start: 0, end: size }
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const end = from === '' || to === '' ? size : Math.min(size, Number(to) + 1)
  return start < size && start < end ? { start, end } : null
}
