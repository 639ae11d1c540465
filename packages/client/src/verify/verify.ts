import { CryptoError, compareBytes } from '@strongroom/crypto'
import { VaultError } from '@strongroom/vault'
import { type DriveContext, transferOf } from '../drive/context.ts'
import { type ProgressCounter, progressCounter } from '../drive/progress.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { Transfer } from '../journal/transfers.ts'
import type { KeyedContent } from '../keys/contents.ts'
import { type Opened, openStill } from '../keys/open-still.ts'
import { apiCode } from '../transport/api.ts'
import { contentsToVerify, findingsOf } from './places.ts'
import { decodeRecord, emptyRecord, encodeRecord, type VerifyRecord } from './progress-record.ts'
import type { Finding, FindingKind, VerifyOptions, VerifyResult } from './types.ts'
import { verifyBlob } from './verify-blob.ts'

/** Contents that are opened by one request. */
const OPENED = 200
/** Contents of a single part between two looks at how far it got. */
const TOGETHER = 16
/** So many contents in a row that cannot be read mean that it is not about them. */
const GIVE_UP = 25

interface Run {
  readonly context: DriveContext
  readonly options: VerifyOptions
  readonly progress: ProgressCounter
  readonly record: VerifyRecord
  readonly contents: ReadonlyMap<string, KeyedContent>
  readonly save: () => void
  /** Contents in a row that could not be read. */
  unreadable: number
}

/**
 * Compares every stored content with its signed record: the digest list with its root, every part with its digest, the
 * wrapped key with the header. Changes nothing. Interrupted, it goes on when it is called again with the same path.
 *
 * @throws ClientError `network`, `authentication`, `aborted`, … where it cannot go on; `not_found`, `usage` for the path
 */
export async function verifyDrive(context: DriveContext, options: VerifyOptions = {}): Promise<VerifyResult> {
  const { sample } = options
  if (sample !== undefined && !(sample > 0 && sample <= 1)) {
    throw new ClientError('usage', 'A sample is a part of the whole: more than 0, at most 1.')
  }
  await context.log.sync(options.signal)
  await context.log.flush()
  const all = contentsToVerify(context.log.state, options.path)
  const names = [options.path ?? '/', options.decrypt === true ? 'decrypt' : 'digests', options.path ? 'path' : 'all']
  const transfer = sample === undefined ? await context.transfers.begin('verify', names, options.signal) : null
  try {
    const record = await recordOf(transfer, options.restart === true)
    const chosen = sample === undefined ? all : sampleOf(context, all, sample)
    const result = await verifyContents(context, options, { chosen, record, transfer })
    await transfer?.remove()
    return result
  } finally {
    await transfer?.flush().catch(() => undefined)
    await transfer?.release()
  }
}

async function recordOf(transfer: Transfer | null, restart: boolean): Promise<VerifyRecord> {
  if (transfer === null) return emptyRecord()
  if (restart) await transfer.remove()
  const bytes = await transfer.load()
  return (bytes === null ? null : decodeRecord(bytes)) ?? emptyRecord()
}

/** So many of the contents, at least one of those there are; chosen at random. */
function sampleOf({ platform }: DriveContext, all: readonly KeyedContent[], sample: number): KeyedContent[] {
  const left = [...all]
  const chosen: KeyedContent[] = []
  for (let count = Math.ceil(all.length * sample); count > 0; count -= 1) {
    const random = new DataView(platform.engine.randomBytes(4).slice().buffer).getUint32(0)
    const at = Math.floor((random / 2 ** 32) * left.length)
    const last = left.pop()
    if (last === undefined) break
    const picked = left[at]
    chosen.push(picked ?? last)
    if (picked !== undefined) left[at] = last
  }
  return chosen.sort((a, b) => compareBytes(a.record.blobId, b.record.blobId))
}

async function verifyContents(
  context: DriveContext,
  options: VerifyOptions,
  input: { chosen: readonly KeyedContent[]; record: VerifyRecord; transfer: Transfer | null },
): Promise<VerifyResult> {
  const { chosen, record, transfer } = input
  const { last } = record
  const done = last === null ? [] : chosen.filter(({ record: { blobId } }) => compareBytes(blobId, last) <= 0)
  const left = chosen.slice(done.length)
  const progress = progressCounter(options.onProgress)
  for (const content of left) progress.addTotal(1, content.record.blobLength)
  progress.fixTotal()
  const run: Run = {
    context,
    options,
    progress,
    record,
    contents: new Map(chosen.map((content) => [keyOf(content.record.blobId), content])),
    save: () => transfer?.save(() => encodeRecord(record)),
    unreadable: 0,
  }
  for (const finding of findings(run)) options.onFinding?.(finding)
  for (let start = 0; start < left.length; start += OPENED) await verifyBatch(run, left.slice(start, start + OPENED))
  const snapshot = options.path === undefined && options.sample === undefined ? await verifySnapshot(run) : []
  return {
    contents: record.contents,
    bytes: record.bytes,
    resumed: done.length,
    findings: [...findings(run), ...snapshot],
  }
}

function findings({ context, record, contents }: Run): Finding[] {
  return record.found.flatMap((found) => {
    const content = contents.get(keyOf(found.blobId))
    return content === undefined ? [] : findingsOf(context.log.state, content, found)
  })
}

async function verifyBatch(run: Run, batch: readonly KeyedContent[]): Promise<void> {
  throwIfAborted(run.options.signal)
  const opened = await openAll(run, batch)
  try {
    for (const group of groupsOf(opened)) {
      throwIfAborted(run.options.signal)
      const isLarge = group.length === 1
      await inLanes(isLarge ? 1 : transferOf(run.context, run.options).jobs, group, (each) =>
        verifyOne(run, each, isLarge),
      )
      settle(run, group.at(-1)?.content)
    }
    settle(run, batch.at(-1))
  } finally {
    for (const { blob } of opened) blob.dek.dispose()
  }
}

/** Everything up to this content is done. */
function settle({ record, save }: Run, content: KeyedContent | undefined): void {
  if (content === undefined) return
  record.last = content.record.blobId
  record.parts = 0
  save()
}

/** Those of several parts alone, whose parts are fetched side by side; the others some at a time. */
function* groupsOf(opened: readonly Opened[]): Generator<Opened[]> {
  let group: Opened[] = []
  for (const each of opened) {
    if (each.blob.layout.partCount > 1) {
      if (group.length > 0) yield group
      yield [each]
      group = []
    } else {
      group.push(each)
      if (group.length < TOGETHER) continue
      yield group
      group = []
    }
  }
  if (group.length > 0) yield group
}

/** Opens contents; where some do not open, finds out which. */
async function openAll(run: Run, batch: readonly KeyedContent[]): Promise<Opened[]> {
  try {
    const opened = await openStill(run.context, batch, run.options.signal)
    return opened
  } catch (error) {
    const [only] = batch
    if (only === undefined || (await isAboutAll(run, error))) throw error
    if (batch.length === 1) {
      note(run, only, kindOf(error), null, error)
      return []
    }
    const middle = Math.ceil(batch.length / 2)
    const first = await openAll(run, batch.slice(0, middle))
    try {
      return [...first, ...(await openAll(run, batch.slice(middle)))]
    } catch (failure) {
      for (const { blob } of first) blob.dek.dispose()
      throw failure
    }
  }
}

function kindOf(error: unknown): FindingKind {
  if (!(error instanceof ClientError)) return 'unreadable'
  if (apiCode(error) === 'not_found' || apiCode(error.cause) === 'not_found') return 'missing'
  if (error.code !== 'integrity') return 'unreadable'
  return /the key of a file/.test(error.message) ? 'key' : 'damaged'
}

async function verifyOne(run: Run, { content, blob }: Opened, isLarge: boolean): Promise<void> {
  const { context, options, record, progress } = run
  const transfer = transferOf(context, options)
  const from = isLarge ? Math.min(record.parts, blob.layout.partCount - 1) : 0
  try {
    const bad = await verifyBlob(context, blob, {
      transfer: isLarge ? transfer : { ...transfer, jobs: 1 },
      decrypt: options.decrypt === true,
      from,
      onParts: (parts, bytes) => {
        progress.addBytes(bytes)
        if (!isLarge) return
        record.parts = parts
        run.save()
      },
    })
    run.unreadable = 0
    if (bad !== null) return note(run, content, 'damaged', bad.part, new ClientError('integrity', 'A part differs.'))
    record.contents += 1
    record.bytes += blob.layout.blobLength
    progress.item(nameOf(run, content), 'done')
  } catch (error) {
    if (await isAboutAll(run, error)) throw error
    note(run, content, kindOf(error), null, error)
  }
}

function note(run: Run, content: KeyedContent, kind: FindingKind, part: number | null, error: unknown): void {
  run.unreadable = kind === 'unreadable' ? run.unreadable + 1 : 0
  if (run.unreadable >= GIVE_UP) throw error
  run.record.found.push({ blobId: content.record.blobId, kind, part })
  for (const finding of findingsOf(run.context.log.state, content, { kind, part })) run.options.onFinding?.(finding)
  run.progress.item(nameOf(run, content), 'failed', error instanceof Error ? error : undefined)
}

/** Whether a failure ends the run; one of the network does unless the server answers, and only this content does not. */
async function isAboutAll({ context, options }: Run, error: unknown): Promise<boolean> {
  if (!(error instanceof ClientError)) return true
  if (['aborted', 'authentication', 'account_disabled', 'upgrade_required', 'quota'].includes(error.code)) return true
  if (error.code !== 'network') return false
  return await context.log.sync(options.signal).then(
    () => false,
    () => true,
  )
}

/** The index snapshot that a new device would begin with is read as that device would. */
async function verifySnapshot({ context, options }: Run): Promise<Finding[]> {
  try {
    await context.log.readCheckpoint(options.signal)
    return []
  } catch (error) {
    const known = error instanceof ClientError && !['integrity', 'server', 'not_found'].includes(error.code)
    // Bytes that break a rule of their format stand for damage, too.
    if (known || !(error instanceof ClientError || error instanceof CryptoError || error instanceof VaultError)) {
      throw error
    }
    const finding: Finding = {
      kind: error.code === 'server' || error.code === 'not_found' ? 'unreadable' : 'damaged',
      path: null,
      version: null,
      current: true,
      trashed: false,
      slot: 'snapshot',
      part: null,
    }
    options.onFinding?.(finding)
    return [finding]
  }
}

function nameOf({ context }: Run, content: KeyedContent): string {
  const [finding] = findingsOf(context.log.state, content, { kind: 'unreadable', part: null })
  return finding?.path ?? ''
}

/** Each of the tasks, several at a time; all have ended when it returns, and the first failure is thrown. */
async function inLanes<T>(jobs: number, items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  let failed = false
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return
      await task(item).catch((error: unknown) => {
        failed = true
        throw error
      })
    }
  }
  const results = await Promise.allSettled(Array.from({ length: jobs }, lane))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

function keyOf(id: Uint8Array): string {
  return id.join('.')
}
