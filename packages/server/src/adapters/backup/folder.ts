import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { makeFolder } from '../../make-folder.ts'
import { type BackupFolder, BackupFolderError } from '../../ports/index.ts'
import { folderSync } from '../blob/folder-sync.ts'
import { systemCode } from '../system-code.ts'

const TEMPORARY = '.temporary'

/**
 * Backups in a folder of the file system, which is made with the first file. All of it belongs to its owner alone: what
 * lies in it is what an attacker wants.
 */
export function openBackupFolder(root: string): BackupFolder {
  const sync = folderSync()
  const at = (name: string) => path.join(root, ...name.split('/'))
  const made = new Set<string>()

  async function folderOf(name: string): Promise<string> {
    const folder = path.dirname(at(name))
    if (!made.has(folder)) {
      await makeFolder(folder, 0o700)
      // Every folder up to the root is an entry that has to be durable.
      for (let each = folder; each.length >= root.length; each = path.dirname(each)) await sync(path.dirname(each))
      made.add(folder)
    }
    return folder
  }

  const folder: BackupFolder = {
    async length(name) {
      const found = await stat(at(name)).catch(ignoreAbsent)
      return found?.isFile() === true ? found.size : null
    },

    async read(name) {
      return await readFile(at(name)).catch(ignoreAbsent)
    },

    async *stream(name) {
      try {
        yield* createReadStream(at(name), { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>
      } catch (error) {
        throw explained(error, root)
      }
    },

    async write(name, chunks) {
      const target = await folderOf(name)
      const temporary = path.join(await folderOf(`${TEMPORARY}/x`), randomBytes(12).toString('hex'))
      const handle = await open(temporary, 'wx', 0o600)
      const hash = createHash('sha256')
      let length = 0
      try {
        for await (const chunk of chunks) {
          hash.update(chunk)
          length += chunk.length
          for (let written = 0; written < chunk.length; ) {
            written += (await handle.write(chunk, written, chunk.length - written)).bytesWritten
          }
        }
        await handle.sync()
        await handle.close()
        await rename(temporary, at(name))
      } catch (error) {
        await handle.close().catch(() => undefined)
        await rm(temporary, { force: true }).catch(() => undefined)
        throw error
      }
      await sync(target)
      return { length, sha256: hash.digest('hex') }
    },

    async publish(from, to) {
      const target = await folderOf(to)
      await rename(at(from), at(to))
      await sync(target)
    },

    async list(name) {
      return (await readdir(at(name)).catch(ignoreAbsent)) ?? []
    },

    async remove(name) {
      await rm(at(name), { recursive: true, force: true })
      made.clear()
    },

    async clean() {
      await rm(path.join(root, TEMPORARY), { recursive: true, force: true })
      made.clear()
    },
  }
  return explainErrors(folder, root)
}

function ignoreAbsent(error: unknown): null {
  if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return null
  throw error
}

/** A system's error as one line; every other error stays what it is. */
function explained(error: unknown, root: string): unknown {
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new BackupFolderError('not_found', `Something of the backup ${root} is not there.`, { cause: error })
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new BackupFolderError('full', `The disk of ${root} is full; free some room there.`, { cause: error })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'EEXIST':
    case 'EIO':
    case 'EISDIR':
      return new BackupFolderError('unavailable', `The folder ${root} cannot be used by this user.`, { cause: error })
    default:
      return error
  }
}

function explainErrors(folder: BackupFolder, root: string): BackupFolder {
  function wrap<A extends unknown[], R>(method: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return (...args) =>
      method(...args).catch((error: unknown) => {
        throw explained(error, root)
      })
  }
  return {
    length: wrap(folder.length),
    read: wrap(folder.read),
    stream: folder.stream,
    write: wrap(folder.write),
    publish: wrap(folder.publish),
    list: wrap(folder.list),
    remove: wrap(folder.remove),
    clean: wrap(folder.clean),
  }
}
