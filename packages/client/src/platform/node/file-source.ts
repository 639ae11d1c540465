import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, lstat, open, readdir, readlink, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { nameCollisionKey } from '@strongroom/vault'
import type { TreeItem } from '../../drive/types.ts'
import { ClientError } from '../../errors.ts'
import type { SeekableSource, StreamSource } from '../../ports.ts'
import { atOnce } from './at-once.ts'
import { collectYoung } from './collect-young.ts'
import { isCode, localError } from './local-io.ts'

const WITHOUT_SIZE = 'The file does not tell its size; pipe it: cat FILE | strongroom put - /PATH.'
/** Details of an error of which the local file is the matter, not the remote one. */
const OF_SOURCE = { place: 'source' }
const SAME_NAME = 'Another name in this folder differs only in how its letters are composed in Unicode; rename one.'

/**
 * A regular file as a source. Symbolic links are followed unless told otherwise.
 *
 * @throws ClientError `not_found`, `is_a_folder`, `usage` (a device or socket) or `local_io`
 */
export async function fileSource(path: string, options: { followLinks?: boolean } = {}): Promise<SeekableSource> {
  const follow = options.followLinks ?? true
  const stats = await sourceIo(() => (follow ? stat(path, { bigint: true }) : lstat(path, { bigint: true })))
  return sourceOf(path, stats, follow)
}

/** A stream of unknown length, such as standard input. */
export function streamSource(chunks: AsyncIterable<Uint8Array>, mtimeMs: number): StreamSource {
  return { kind: 'stream', mtimeMs, chunks: () => collecting(chunks) }
}

/** Bytes of chunks after which their memory is given back. */
const CHUNKS = 4 * 1024 * 1024

async function* collecting(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let passed = 0
  for await (const chunk of chunks) {
    yield chunk
    passed += chunk.length
    if (passed < CHUNKS) continue
    passed = 0
    collectYoung()
  }
}

export interface LocalTreeOptions {
  /** Relative, `/`-separated paths; false leaves the item, and what is below it, out. */
  readonly filter?: ((path: string, kind: TreeItem['kind']) => boolean) | undefined
  /** Told of what is neither file, folder nor link, and of what cannot be read. */
  readonly onSkipped?: ((path: string, error: Error) => void) | undefined
}

/**
 * Walks a local folder for `putTree`: `folder` itself becomes `target`, folders come before what is in them, symbolic
 * links stay links.
 */
export async function* localTree(
  folder: string,
  target: string,
  options: LocalTreeOptions = {},
): AsyncGenerator<TreeItem> {
  const top = await sourceIo(() => stat(folder, { bigint: true }))
  if (!top.isDirectory()) throw new ClientError('not_a_folder', 'The local path is not a folder.')
  yield { path: target, kind: 'folder', mtimeMs: milliseconds(top.mtimeNs), mode: modeOf(top) }
  yield* walk(folder, '', target === '/' ? '' : target, options)
}

async function* walk(
  root: string,
  relative: string,
  target: string,
  options: LocalTreeOptions,
): AsyncGenerator<TreeItem> {
  const names = await sourceIo(() => readdir(join(root, relative), { encoding: 'buffer' }))
  const taken = new Set<string>()
  for (const raw of names.sort(Buffer.compare)) {
    const name = decodeUtf8(raw)
    // Shown only: with U+FFFD for what is not UTF-8.
    const shown = name ?? raw.toString('utf8')
    const path = relative === '' ? shown : `${relative}/${shown}`
    try {
      if (name === null) throw new ClientError('usage', 'The name is not UTF-8; rename it.')
      const item = await itemAt(join(root, path), `${target}/${path}`)
      if (options.filter?.(path, item.kind) === false) continue
      // Reason: a vault takes both for one name, so that the second would hide the first as a version of it.
      const key = nameCollisionKey(name)
      if (taken.has(key)) throw new ClientError('usage', SAME_NAME)
      taken.add(key)
      yield item
      if (item.kind === 'folder') yield* walk(root, path, target, options)
    } catch (error) {
      if (!(error instanceof ClientError) || options.onSkipped === undefined) throw error
      options.onSkipped(path, error)
    }
  }
}

async function itemAt(local: string, path: string): Promise<TreeItem> {
  const quick = () => lstatSync(local, { bigint: true })
  const stats = await sourceIo(async () => (await atOnce(quick)) ?? (await lstat(local, { bigint: true })))
  const meta = { path, mtimeMs: milliseconds(stats.mtimeNs) }
  if (stats.isDirectory()) return { ...meta, kind: 'folder', mode: modeOf(stats) }
  if (stats.isSymbolicLink()) return { ...meta, kind: 'symlink', target: await linkTarget(local) }
  return { ...meta, kind: 'file', source: sourceOf(local, stats, false), mode: modeOf(stats) }
}

/**
 * Where a symbolic link points to.
 *
 * @throws ClientError `usage` when that is not UTF-8, which a vault cannot keep as it is; `not_found` or `local_io`
 */
export async function linkTarget(path: string): Promise<string> {
  const target = decodeUtf8(await sourceIo(() => readlink(path, { encoding: 'buffer' })))
  if (target === null) throw new ClientError('usage', 'The symbolic link points to a name that is not UTF-8.')
  return target
}

function decodeUtf8(raw: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch {
    return null
  }
}

function sourceOf(path: string, stats: BigIntStats, followLinks: boolean): SeekableSource {
  if (stats.isDirectory()) throw new ClientError('is_a_folder', 'The local path is a folder.')
  if (!stats.isFile()) throw new ClientError('usage', 'The local path is not a regular file.')
  const identity = identityOf(stats)
  // Reason: what came into the place of a file, such as a pipe without a writer, would hold up everything.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW)
  return {
    kind: 'seekable',
    size: Number(stats.size),
    mtimeMs: milliseconds(stats.mtimeNs),
    mode: modeOf(stats),
    local: { path: resolve(path), identity },
    again: () => fileSource(path, { followLinks }),
    readWhole: async (target) => (await atOnce(() => readWhole(path, flags, target, identity))) ?? false,
    async open() {
      const file = await sourceIo(() => open(path, flags))
      const source = {
        read: (offset: number, target: Uint8Array) => readAt(file, offset, target),
        isUnchanged: async () => identityOf(await sourceIo(() => file.stat({ bigint: true }))) === identity,
        close: () => file.close(),
      }
      const unchanged = await source.isUnchanged()
      if (unchanged && !(await isLonger(file, stats.size))) return source
      await file.close()
      if (unchanged) throw new ClientError('usage', WITHOUT_SIZE, { details: OF_SOURCE })
      throw new ClientError('source_changed', 'The source changed before it was read.')
    },
  }
}

/** Reads a file by calls that wait. False where it is not what `identity` names, cannot be read, or tells no size. */
function readWhole(path: string, flags: number, target: Uint8Array, identity: string): boolean {
  if (target.length === 0) return false
  try {
    const file = openSync(path, flags)
    try {
      let done = 0
      while (done < target.length) {
        const count = readSync(file, target, done, target.length - done, done)
        if (count === 0) return false
        done += count
      }
      return identityOf(fstatSync(file, { bigint: true })) === identity
    } finally {
      closeSync(file)
    }
  } catch {
    return false
  }
}

/** Whether a file gives bytes behind the end that its size tells, as those of /proc do: they are all 0 bytes long. */
async function isLonger(file: FileHandle, size: bigint): Promise<boolean> {
  return size === 0n && (await readAt(file, 0, new Uint8Array(1))) > 0
}

async function readAt(file: FileHandle, offset: number, target: Uint8Array): Promise<number> {
  const { bytesRead } = await sourceIo(() => file.read(target, 0, target.length, offset))
  return bytesRead
}

/** What a file must keep while it is read. */
export function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`
}

/** Whole milliseconds, rounded down, before 1970 too. */
export function milliseconds(nanoseconds: bigint): number {
  const floor = nanoseconds / 1_000_000n
  return Number(nanoseconds < 0n && floor * 1_000_000n !== nanoseconds ? floor - 1n : floor)
}

function modeOf(stats: BigIntStats): number {
  return Number(stats.mode & 0o777n)
}

async function sourceIo<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) {
      throw new ClientError('not_found', 'A local file or folder does not exist.', { cause, details: OF_SOURCE })
    }
    if (isCode(cause, 'ELOOP')) {
      throw new ClientError('source_changed', 'A local file became a symbolic link.', { cause })
    }
    throw localError(cause)
  }
}
