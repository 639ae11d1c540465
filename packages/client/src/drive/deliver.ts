import { equalBytes, partPlaintextRange } from '@strongroom/crypto'
import { plaintextMac } from '../content/inline.ts'
import { type FetchOptions, fetchSlices } from '../download/fetch-parts.ts'
import type { OpenBlob } from '../download/open.ts'
import { sliceRange } from '../download/range.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import { type DownloadJournal, downloadJournal } from '../journal/download-journal.ts'
import type { FileSink, SinkMeta, SinkWriter } from '../ports.ts'
import { isInline } from '../upload/plan.ts'
import { type DriveContext, fetchContext } from './context.ts'
import type { ProgressCounter } from './progress.ts'
import type { Entry } from './types.ts'

export interface Delivery {
  readonly entry: Entry
  readonly blob: OpenBlob
  readonly sink: FileSink
  readonly transfer: FetchOptions
  readonly progress: ProgressCounter
}

/**
 * Writes a file to its sink. Of a file of several parts, what an interrupted call has written and verified is read
 * again and compared, not fetched again; if the file is another one by now, nothing of it is used.
 */
export async function deliver(context: DriveContext, delivery: Delivery): Promise<void> {
  const { entry, blob, sink, transfer, progress } = delivery
  if (sink.writeWhole !== undefined && entry.size > 0 && isInline(blob.layout))
    return await deliverSmall(context, delivery)
  const journal = await openJournal(context, delivery)
  let writer: SinkWriter | null = null
  let counted = 0
  const count = (bytes: number) => {
    counted += bytes
    progress.addBytes(bytes)
  }
  try {
    const { size, mtimeMs, mode } = entry
    writer = await sink.open({ size, mtimeMs, mode, transfer: journal?.id })
    const there = await skipWritten(context, { blob, writer, journal, count, signal: transfer.signal })
    const slices = sliceRange(blob.layout, 0, undefined).slice(there)
    const fetching = { ...transfer, macKey: journal?.macKey }
    for await (const { bytes, mac, release } of fetchSlices(fetchContext(context), blob, slices, fetching)) {
      await writer.write(bytes)
      if (mac !== null) journal?.add(mac)
      count(bytes.length)
      release()
    }
    throwIfAborted(transfer.signal)
    await writer.commit()
    await journal?.remove()
  } catch (error) {
    progress.addBytes(-counted)
    if (journal !== null && mayGoOn(error)) await writer?.suspend?.()
    else await journal?.remove()
    throw error
  } finally {
    await writer?.abort()
    await journal?.close()
  }
}

/** Has a file of one part written once that is here. */
async function deliverSmall(context: DriveContext, { entry, blob, sink, transfer, progress }: Delivery): Promise<void> {
  const { size, mtimeMs, mode } = entry
  const meta = { size, mtimeMs, mode }
  const slices = sliceRange(blob.layout, 0, undefined)
  for await (const { bytes, release } of fetchSlices(fetchContext(context), blob, slices, transfer)) {
    throwIfAborted(transfer.signal)
    if (!(await sink.writeWhole?.(meta, bytes))) await write(sink, meta, bytes)
    progress.addBytes(bytes.length)
    release()
  }
}

async function write(sink: FileSink, meta: SinkMeta, bytes: Uint8Array): Promise<void> {
  const writer = await sink.open(meta)
  try {
    await writer.write(bytes)
    await writer.commit()
  } finally {
    await writer.abort()
  }
}

async function openJournal(
  context: DriveContext,
  { blob, sink, transfer: { signal } }: Delivery,
): Promise<DownloadJournal | null> {
  if (sink.place === undefined || blob.layout.partCount < 2) return null
  const transfer = await context.transfers.begin('get', [sink.place], signal)
  if (transfer === null) return null
  const freshKey = context.platform.engine.randomBytes(32)
  return await downloadJournal(transfer, { blobId: blob.record.blobId, freshKey })
}

interface Skipping {
  readonly blob: OpenBlob
  readonly writer: SinkWriter
  readonly journal: DownloadJournal | null
  readonly count: (bytes: number) => void
  readonly signal: AbortSignal | undefined
}

/** Passes over the parts that are written already; returns how many. */
async function skipWritten(
  { platform }: DriveContext,
  { blob, writer, journal, count, signal }: Skipping,
): Promise<number> {
  if (journal === null || writer.skip === undefined || journal.earlier.length === 0) return 0
  const buffer = new Uint8Array(partPlaintextRange(blob.layout, 0).length)
  let done = 0
  for (const mac of journal.earlier) {
    throwIfAborted(signal)
    const plaintext = buffer.subarray(0, partPlaintextRange(blob.layout, done).length)
    const index = done
    const isRight = async () => equalBytes(await plaintextMac(platform.engine, journal.macKey, index, plaintext), mac)
    if (!(await writer.skip(plaintext, isRight))) break
    count(plaintext.length)
    done += 1
  }
  buffer.fill(0)
  journal.keep(done)
  return done
}

/** Whether calling again is likely to bring the rest. */
function mayGoOn(error: unknown): boolean {
  return error instanceof ClientError && (error.code === 'aborted' || error.code === 'network')
}
