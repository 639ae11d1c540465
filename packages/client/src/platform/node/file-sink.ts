import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { FileSink, SinkMeta, SinkWriter } from '../../ports.ts'
import { atOnce } from './at-once.ts'
import { checkTarget, fileMode, fileTime, NO_SECOND_NAMES, targetExists } from './file-target.ts'
import { flushEarly } from './flush-early.ts'
import { isCode, localError, localIo, syncFolder, writeAt } from './local-io.ts'
import { writeWhole } from './write-whole.ts'

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
  const { overwrite = true, sync = true } = options
  const folder = dirname(target)
  const temporaryFor = (name = randomBytes(ABANDONED_LENGTH / 2).toString('hex')) =>
    join(folder, `.strongroom-${name}.part`)
  return {
    place: target,
    async writeWhole(meta, bytes) {
      if (sync) return false
      await removeAbandoned(folder)
      const file = { temporary: temporaryFor(), target, meta, overwrite }
      const write = (): true => {
        writeWhole(file, bytes)
        return true
      }
      return await localIo(async () => (await atOnce(write, WRITING)) ?? false)
    },
    async open(meta) {
      await lookAt(target, overwrite)
      await removeAbandoned(folder)
      const temporary = temporaryFor(meta.transfer)
      const file = await localIo(() => (meta.transfer === undefined ? createNew(temporary) : openAgain(temporary)))
      return writer({ file, temporary, target, meta, options })
    },
  }
}

/** Calls that read a small file, to one that writes it. */
const WRITING = 4

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
        await file.chmod(fileMode(meta))
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
  await lookAt(target, overwrite)
  if (!overwrite) {
    try {
      // Reason: unlike rename, link never replaces what appeared under the name meanwhile.
      await link(temporary, target)
      await rm(temporary)
      return
    } catch (error) {
      if (isCode(error, 'EEXIST')) throw targetExists()
      if (!isCode(error, ...NO_SECOND_NAMES)) throw error
    }
  }
  await rename(temporary, target)
}

async function lookAt(target: string, overwrite: boolean): Promise<void> {
  const stats = await lstat(target).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw localError(error)
  })
  checkTarget(target, stats, overwrite)
}
