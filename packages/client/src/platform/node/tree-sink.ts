import { chmod, lstat, mkdir, rm, symlink, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ClientError, integrityError } from '../../errors.ts'
import type { TreeSink } from '../../ports.ts'
import { fileSink } from './file-sink.ts'
import { fileTime } from './file-target.ts'
import { isCode, localError, localIo } from './local-io.ts'
import { makeFolder } from './make-folder.ts'

export interface TreeSinkOptions {
  readonly overwrite?: boolean | undefined
}

/**
 * A local folder as the target of a download; made when missing. Whatever a valid commit says, nothing is written
 * outside it or through a symbolic link below it: every name is checked again here.
 */
export function treeSink(root: string, options: TreeSinkOptions = {}): TreeSink {
  const base = resolve(root)
  // Folders known to be real: made or looked at during this call.
  const real = new Set<string>()
  const taken = new Map<string, string>()
  const times: { path: string; mtimeMs: number | undefined; mode: number | undefined }[] = []

  const ensureFolder = async (names: readonly string[]): Promise<string> => {
    let path = base
    if (!real.has(base)) {
      await localIo(() => makeFolder(base))
      real.add(base)
    }
    for (const name of names) {
      path = join(path, name)
      if (real.has(path)) continue
      await realFolder(path)
      real.add(path)
    }
    return path
  }

  const claim = async (path: string): Promise<string> => {
    const names = localNames(path)
    const folder = await ensureFolder(names.slice(0, -1))
    const target = join(folder, names.at(-1) ?? '')
    // Reason: NFC forms that are equal are one name on some file systems; the second must not replace the first.
    const key = target.normalize('NFC')
    if ((taken.get(key) ?? target) !== target) throw new ClientError('exists', 'Two names differ only in their form.')
    taken.set(key, target)
    return target
  }

  return {
    async folder(path, meta) {
      const target = path === '' ? await ensureFolder([]) : await ensureFolder(localNames(path))
      if (path !== '') await claim(path)
      times.push({ path: target, mtimeMs: meta.mtimeMs, mode: meta.mode })
    },
    file(path) {
      const sink = async () => fileSink(await claim(path), { ...options, sync: false })
      return {
        place: placeOf(base, path),
        writeWhole: async (meta, bytes) => (await (await sink()).writeWhole?.(meta, bytes)) ?? false,
        open: async (meta) => await (await sink()).open(meta),
      }
    },
    async symlink(path, target) {
      const local = await claim(path)
      const stats = await lstat(local).catch(() => null)
      if (stats !== null && !(stats.isSymbolicLink() && (options.overwrite ?? true))) {
        throw new ClientError('exists', 'The local target exists.')
      }
      await localIo(async () => {
        if (stats !== null) await rm(local)
        await symlink(target, local)
      })
    },
    async finish() {
      await localIo(async () => {
        for (const { path, mtimeMs, mode } of times.reverse()) {
          if (mode !== undefined) await chmod(path, mode & 0o777)
          if (mtimeMs !== undefined) await utimes(path, fileTime(mtimeMs), fileTime(mtimeMs))
        }
      })
    },
  }
}

/** undefined for a path that `open` is going to refuse. */
function placeOf(base: string, path: string): string | undefined {
  try {
    return join(base, ...localNames(path))
  } catch {
    return undefined
  }
}

/**
 * Names of a relative path as they go to disk.
 *
 * @throws ClientError `integrity` for names that no honest client lets in
 */
export function localNames(path: string, platform: NodeJS.Platform = process.platform): string[] {
  return path.split('/').map((name) => {
    if (name === '' || name === '.' || name === '..' || name.includes('\0')) throw integrityError('a file name')
    return platform === 'win32' ? windowsName(name) : name
  })
}

/** Escapes what Windows forbids as `%XX`. */
function windowsName(name: string): string {
  const escaped = name
    .replace(/[<>:"/\\|?*%\p{Cc}]/gu, percent)
    .replace(/[. ]$/, percent)
    .replace(/^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i, (word) => `${percent(word.charAt(0))}${word.slice(1)}`)
  return escaped
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}

async function realFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
    return
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw localError(error)
  }
  const stats = await localIo(() => lstat(path))
  if (stats.isSymbolicLink()) {
    throw new ClientError('exists', 'A symbolic link stands where a folder has to be; nothing is written through it.')
  }
  if (!stats.isDirectory()) throw new ClientError('not_a_folder', 'A local file stands where a folder has to be.')
}
