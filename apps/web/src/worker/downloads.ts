import type { Drive, Entry } from '@strongroom/client'
import { downloadZip } from 'client-zip'
import { failureOf } from './failures.ts'
import type { DownloadRequest, MediaRequest, VaultFailure } from './vault-api.ts'

/** Bytes in one message to the service worker. */
const CHUNK_BYTES = 4 * 1024 * 1024

/** What the other end of a download's port says. */
type Pull = 'pull' | 'cancel'

/**
 * Answers each `pull` on the port with the next chunk, at the end with null and on failure with what failed, so
 * that nothing is decrypted faster than the disk takes it.
 */
export async function serveDownload(
  drive: Drive,
  { paths, version, port }: DownloadRequest,
): Promise<{ name: string; size: number | null }> {
  const entries = await Promise.all(paths.map((path) => drive.stat(path)))
  const [only] = entries
  const abort = new AbortController()
  const single = only !== undefined && entries.length === 1 && only.kind === 'file'
  const chunks = single ? fileChunks(drive, only, version, abort.signal) : zipChunks(drive, entries, abort.signal)
  // The browser shows a download that broke off; the panel of transfers is told by the port.
  pump(port, chunks, abort, failureOf).catch(() => undefined)
  if (single) return { name: only.name, size: version === null ? only.size : null }
  return { name: `${entries.length === 1 ? only?.name : 'Strongroom'}.zip`, size: null }
}

/** Answers pulls on a port, until everything was taken or its other end has had enough; rejects when reading fails. */
function pump(
  port: MessagePort,
  chunks: AsyncGenerator<Uint8Array<ArrayBuffer>>,
  abort: AbortController,
  wordFor: (error: unknown) => VaultFailure | 'failed' = () => 'failed',
): Promise<void> {
  return new Promise((done, fail) => {
    port.onmessage = ({ data }: MessageEvent<Pull>) => {
      if (data === 'cancel') {
        abort.abort()
        port.close()
        done()
        return
      }
      void chunks.next().then(
        (next) => {
          if (next.done) {
            port.postMessage(null)
            done()
          } else port.postMessage(next.value, [next.value.buffer])
        },
        (error: unknown) => {
          port.postMessage(wordFor(error))
          if (abort.signal.aborted) done()
          else fail(error)
        },
      )
    }
  })
}

/** Parts fetched ahead while something plays. */
const MEDIA_JOBS = 2

/** A range of a file for something that plays it, pulled like a download; ends with it. */
export async function serveMedia(drive: Drive, { path, version, offset, length, port }: MediaRequest): Promise<void> {
  const abort = new AbortController()
  await pump(port, rangeChunks(drive, { path, version, offset, length }, abort.signal), abort)
}

async function* rangeChunks(
  drive: Drive,
  { path, version, offset, length }: Omit<MediaRequest, 'port'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const options = { signal, jobs: MEDIA_JOBS, ...(version === null ? {} : { version }) }
  for await (const bytes of drive.getRange(path, { offset, length }, options)) yield* slices(bytes)
}

/** Bytes of a file in one piece. */
export async function readBytes(drive: Drive, range: Omit<MediaRequest, 'port'>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of rangeChunks(drive, range, new AbortController().signal)) chunks.push(chunk)
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}

async function* fileChunks(
  drive: Drive,
  entry: Entry,
  version: string | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (version !== null) {
    yield* versionChunks(drive, entry.path, version, signal)
    return
  }
  for await (const bytes of drive.getRange(entry.path, { offset: 0 }, { signal })) yield* slices(bytes)
}

/** Copies of bytes that their owner uses again. */
function* slices(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
    yield new Uint8Array(bytes.subarray(offset, offset + CHUNK_BYTES))
  }
}

/** An older version, handed on as it arrives. */
async function* versionChunks(
  drive: Drive,
  path: string,
  version: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const queue = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>()
  const writer = queue.writable.getWriter()
  const sink = {
    open: async () => ({
      write: async (bytes: Uint8Array) => {
        for (const slice of slices(bytes)) await writer.write(slice)
      },
      commit: () => writer.close(),
      abort: () => writer.abort().catch(() => undefined),
    }),
  }
  const done = drive.get(path, sink, { version, signal })
  done.catch((error: unknown) => writer.abort(error).catch(() => undefined))
  const reader = queue.readable.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  await done
}

async function* zipChunks(
  drive: Drive,
  tops: readonly Entry[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const body = downloadZip(zipItems(drive, tops, signal)).body
  if (body === null) return
  const reader = body.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    yield* slices(next.value)
  }
}

async function* zipItems(drive: Drive, tops: readonly Entry[], signal: AbortSignal) {
  for (const top of tops) {
    const parent = top.path.slice(0, top.path.length - top.name.length)
    const entries = top.kind === 'folder' ? [top, ...drive.listLocal(top.path, { recursive: true })] : [top]
    for (const entry of entries) {
      const name = entry.path.slice(parent.length)
      const lastModified = new Date(Math.max(0, entry.mtimeMs))
      if (entry.kind === 'folder') yield { name: `${name}/`, lastModified }
      if (entry.kind !== 'file') continue
      yield { name, lastModified, size: entry.size, input: readable(drive, entry, signal) }
    }
  }
}

function readable(drive: Drive, entry: Entry, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = fileChunks(drive, entry, null, signal)
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
    },
    { highWaterMark: 0 },
  )
}
