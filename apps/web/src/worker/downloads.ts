import { ClientError, type Drive, type Entry } from '@strongroom/client'
import { downloadZip } from 'client-zip'
import { explain } from './failures.ts'
import { pauseUntilOnline } from './pause.ts'
import { pump } from './pump.ts'
import type { DownloadRequest, DownloadWord, MediaRequest } from './vault-api.ts'

/**
 * Bytes in one message to the service worker, which asks for several at a time.
 *
 * Reason: browsers take memory of this size from what they have used before; larger pieces are new memory each, which costs
 * more than what is done with it.
 */
const CHUNK_BYTES = 512 * 1024
/** Pause before a server that was lost is asked again, whose client has tried for a while by then. */
const RETRY_MS = 3_000

/**
 * Answers each `pull` on the port with the next chunk, at the end with null and after a failure with `failed`, so
 * that nothing is decrypted faster than the disk takes it.
 */
export async function serveDownload(
  drive: Drive,
  { paths, version, port, tab }: DownloadRequest,
): Promise<{ name: string; size: number | null }> {
  const entries = await Promise.all(paths.map((path) => drive.stat(path)))
  const [only] = entries
  const abort = new AbortController()
  const single = only !== undefined && entries.length === 1 && only.kind === 'file'
  const chunks = single
    ? fileChunks(drive, only, version ?? only.versionId, abort.signal)
    : zipChunks(drive, entries, abort.signal)
  const tell = (word: DownloadWord): void => tab.postMessage(word)
  const stopped = new Promise<void>((stop) => {
    tab.onmessage = () => stop()
  })
  void pump(port, chunks, { abort, stopped, ready: () => tell('ready'), taken: tell }).then(tell, async (error) => {
    tell(await explain(error))
    tell('failed')
  })
  if (single) return { name: only.name, size: version === null ? only.size : null }
  return { name: `${entries.length === 1 ? only?.name : 'Strongroom'}.zip`, size: null }
}

/** Parts fetched ahead while something plays. */
const MEDIA_JOBS = 2

/** A range of a file for something that plays it, pulled like a download; ends with it. */
export async function serveMedia(drive: Drive, { path, version, offset, length, port }: MediaRequest): Promise<void> {
  const abort = new AbortController()
  await pump(port, rangeChunks(drive, { path, version, offset, length }, abort.signal), { abort })
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

/** A version of a file, from its beginning to its end: where the server is lost on the way, it goes on once it is back. */
async function* fileChunks(
  drive: Drive,
  { nodeId, path }: Entry,
  version: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const options = { signal, ...(version === undefined ? {} : { version }) }
  for (let offset = 0; ; ) {
    try {
      // Reason: it may have been moved while the server was away.
      const now = drive.entryById(nodeId)?.path ?? path
      for await (const bytes of drive.getRange(now, { offset }, options)) {
        offset += bytes.length
        yield* slices(bytes)
      }
      return
    } catch (error) {
      if (!(error instanceof ClientError && error.code === 'network')) throw error
      await pauseUntilOnline(RETRY_MS, signal)
    }
  }
}

/** Copies of bytes that their owner uses again. */
function* slices(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
    yield new Uint8Array(bytes.subarray(offset, offset + CHUNK_BYTES))
  }
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
      // Reason: programs that unpack on Windows take a backslash for the end of a folder's name.
      const name = entry.path.slice(parent.length).replaceAll(/[\p{Cc}\\]/gu, '_')
      const lastModified = new Date(Math.max(0, entry.mtimeMs))
      if (entry.kind === 'folder') yield { name: `${name}/`, lastModified }
      if (entry.kind !== 'file') continue
      yield { name, lastModified, size: entry.size, input: readable(drive, entry, signal) }
    }
  }
}

function readable(drive: Drive, entry: Entry, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = fileChunks(drive, entry, entry.versionId, signal)
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
