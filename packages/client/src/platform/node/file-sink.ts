import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { ClientError } from '../../errors.ts'
import type { FileSink, SinkMeta, SinkWriter } from '../../ports.ts'
import { flushEarly } from './flush-early.ts'
import { isCode, localError, localIo, syncFolder, writeAt } from './local-io.ts'

export interface FileSinkOptions {
  /** Whether an existing file may be replaced; default true. */
  readonly overwrite?: boolean | undefined
  /** False leaves flushing to a later `sync` of the whole tree; default true. */
  readonly sync?: boolean | undefined
}

/**
 * A local file as the target of a download: a temporary file beside it, flushed, then renamed. Whatever happens, the
 * final name holds the whole new content or what it held before. The temporary file of a transfer has the transfer's
 * name, and is there again when the transfer goes on.
 */
export function fileSink(path: string, options: FileSinkOptions = {}): FileSink {
  const target = resolve(path)
  return {
    place: target,
    async open(meta) {
      await checkTarget(target, options.overwrite ?? true)
      const folder = dirname(target)
      await removeAbandoned(folder)
      const name = meta.transfer ?? randomBytes(ABANDONED_LENGTH / 2).toString('hex')
      const temporary = join(folder, `.strongroom-${name}.part`)
      const file = await localIo(() => (meta.transfer === undefined ? createNew(temporary) : openAgain(temporary)))
      return writer({ file, temporary, target, meta, options })
    },
  }
}

/** Hex digits in the name of a temporary file that nobody comes back for; those of transfers have 32. */
const ABANDONED_LENGTH = 16
const ABANDONED = new RegExp(`^\\.strongroom-[0-9a-f]{${ABANDONED_LENGTH}}\\.part$`)
/** A download that is alive writes more often than this, in milliseconds. */
const ABANDONED_MS = 24 * 60 * 60 * 1000
const looked = new Set<string>()

/** Removes what killed processes have left of files that are fetched at once; looks once into each folder. */
async function removeAbandoned(folder: string): Promise<void> {
  if (looked.has(folder)) return
  looked.add(folder)
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter((found) => ABANDONED.test(found))) {
    const path = join(folder, name)
    const stats = await stat(path).catch(() => null)
    if (stats !== null && stats.mtimeMs < Date.now() - ABANDONED_MS) await rm(path, { force: true }).catch(() => {})
  }
}

function createNew(temporary: string): Promise<FileHandle> {
  return open(temporary, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
}

/** Opens what an earlier writer left, if it is a file of its own that nothing else leads to. */
async function openAgain(temporary: string): Promise<FileHandle> {
  const found = await lstat(temporary).catch(() => null)
  if (found === null) return await createNew(temporary)
  if (found.isFile() && found.nlink === 1 && (process.getuid === undefined || found.uid === process.getuid())) {
    return await open(temporary, constants.O_RDWR | constants.O_NOFOLLOW)
  }
  await rm(temporary)
  return await createNew(temporary)
}

/** A stream, such as standard output, as the target; what was written stays. */
export function streamSink(stream: NodeJS.WritableStream): FileSink {
  return {
    async open() {
      return {
        write: (bytes) =>
          new Promise((done, fail) => {
            stream.write(bytes, (error) => (error ? fail(localError(error)) : done()))
          }),
        async commit() {},
        async abort() {},
      }
    },
  }
}

interface WriterInput {
  readonly file: FileHandle
  readonly temporary: string
  readonly target: string
  readonly meta: SinkMeta
  readonly options: FileSinkOptions
}

function writer({ file, temporary, target, meta, options }: WriterInput): SinkWriter {
  let position = 0
  let isCut = meta.transfer === undefined
  let open = true
  const flushing = flushEarly(file)
  let isKept = false
  let isPlaced = false
  /** What an earlier writer left behind the position is not wanted. */
  const cut = async () => {
    if (!isCut) await file.truncate(position)
    isCut = true
  }
  const close = async () => {
    if (open) {
      open = false
      await file.close()
    }
  }
  return {
    async skip(bytes, isRight) {
      let done = 0
      await localIo(async () => {
        while (done < bytes.length) {
          const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done)
          if (bytesRead === 0) return
          done += bytesRead
        }
      })
      if (done < bytes.length || !(await isRight())) return false
      position += done
      return true
    },
    async suspend() {
      isKept = meta.transfer !== undefined
      await close().catch(() => undefined)
    },
    write: (bytes) =>
      localIo(async () => {
        await cut()
        await writeAt(file, bytes, position)
        position += bytes.length
        flushing.wrote(bytes.length)
      }),
    commit: () =>
      localIo(async () => {
        await cut()
        await file.chmod(meta.mode === undefined ? 0o666 & ~process.umask() : meta.mode & 0o777)
        const time = fileTime(meta.mtimeMs)
        await file.utimes(time, time)
        await flushing.settled()
        if (options.sync ?? true) await file.sync()
        await close()
        await place(temporary, target, options.overwrite ?? true)
        isPlaced = true
        if (options.sync ?? true) await syncFolder(dirname(target))
      }),
    async abort() {
      await close().catch(() => undefined)
      if (!isKept && !isPlaced) await rm(temporary, { force: true }).catch(() => undefined)
    },
  }
}

async function place(temporary: string, target: string, overwrite: boolean): Promise<void> {
  await checkTarget(target, overwrite)
  if (!overwrite) {
    try {
      // Reason: unlike rename, link never replaces what appeared under the name meanwhile.
      await link(temporary, target)
      await rm(temporary)
      return
    } catch (error) {
      if (isCode(error, 'EEXIST')) throw exists()
      if (!isCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw error
    }
  }
  await rename(temporary, target)
}

async function checkTarget(target: string, overwrite: boolean): Promise<void> {
  if (basename(target) === '') throw new ClientError('is_a_folder', 'The local target is a folder.')
  const stats = await lstat(target).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw localError(error)
  })
  if (stats === null) return
  if (stats.isDirectory()) throw new ClientError('is_a_folder', 'The local target is a folder.')
  if (!overwrite) throw exists()
  // Reason: renaming over a link replaces the link, not what it names; a device or socket is no place for a file.
  if (!stats.isFile() && !stats.isSymbolicLink()) throw exists()
}

function exists(): ClientError {
  return new ClientError('exists', 'The local target exists.')
}

/**
 * Seconds for `utimes` that come back as the same milliseconds, at most one microsecond later. The double nearest to a
 * millisecond may lie just before it, and Node before 24 cuts towards zero to microseconds. As text, because Node takes a
 * negative number for the present.
 */
export function fileTime(mtimeMs: number): string {
  return String((mtimeMs + 0.000_4) / 1000)
}
