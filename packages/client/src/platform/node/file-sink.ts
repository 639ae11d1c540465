import { randomBytes } from 'node:crypto'
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { ClientError } from '../../errors.ts'
import type { FileSink, SinkMeta, SinkWriter } from '../../ports.ts'
import { isCode, localError, localIo, syncFolder } from './local-io.ts'

export interface FileSinkOptions {
  /** Whether an existing file may be replaced; default true. */
  readonly overwrite?: boolean | undefined
  /** False leaves flushing to a later `sync` of the whole tree; default true. */
  readonly sync?: boolean | undefined
}

/**
 * A local file as the target of a download: a temporary file beside it, flushed, then renamed. Whatever happens, the
 * final name holds the whole new content or what it held before.
 */
export function fileSink(path: string, options: FileSinkOptions = {}): FileSink {
  return {
    async open(meta) {
      const target = resolve(path)
      await checkTarget(target, options.overwrite ?? true)
      const temporary = join(dirname(target), `.strongroom-${randomBytes(8).toString('hex')}.part`)
      const file = await localIo(() => open(temporary, 'wx', 0o600))
      return writer({ file, temporary, target, meta, options })
    },
  }
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
  let open = true
  const close = async () => {
    if (open) {
      open = false
      await file.close()
    }
  }
  return {
    write: (bytes) =>
      localIo(async () => {
        let done = 0
        while (done < bytes.length) {
          const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
          done += bytesWritten
        }
        position += done
      }),
    commit: () =>
      localIo(async () => {
        await file.chmod(meta.mode === undefined ? 0o666 & ~process.umask() : meta.mode & 0o777)
        const time = fileTime(meta.mtimeMs)
        await file.utimes(time, time)
        if (options.sync ?? true) await file.sync()
        await close()
        await place(temporary, target, options.overwrite ?? true)
        if (options.sync ?? true) await syncFolder(dirname(target))
      }),
    async abort() {
      await close().catch(() => undefined)
      await rm(temporary, { force: true }).catch(() => undefined)
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
 * Seconds for `utimes` that come back as the same milliseconds: libuv cuts to microseconds, and the double nearest to
 * a millisecond may lie just below it. As text, because Node takes a negative number for the present.
 */
export function fileTime(mtimeMs: number): string {
  return String(mtimeMs / 1000 + 0.000_000_4)
}
