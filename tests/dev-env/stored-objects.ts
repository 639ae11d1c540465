import { cp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DevServer } from './server.ts'

/** What lies in the blob store of a server, past the server: a folder, or a bucket. */
export interface StoredObjects {
  /** Ids of all objects. */
  ids(): Promise<string[]>
  read(id: string): Promise<Buffer>
  /** Puts other bytes in the place of an object, or nothing; gives what takes that back. */
  change(id: string, to: (bytes: Buffer) => Buffer | null): Promise<() => Promise<void>>
}

/** Hands on the blob store of a server that runs or ran. */
export function storedObjects({ dataDir, bucket }: DevServer): StoredObjects {
  return bucket === null ? inFolder(join(dataDir, 'blobs/objects')) : inBucket(bucket)
}

function inBucket({ raw, prefix }: NonNullable<DevServer['bucket']>): StoredObjects {
  const folder = prefix === '' ? 'objects/' : `${prefix}/objects/`
  return {
    ids: async () => (await raw.keys(folder)).map((key) => key.slice(folder.length)),
    read: (id) => raw.get(folder + id),
    async change(id, to) {
      const bytes = await raw.get(folder + id)
      const changed = to(Buffer.from(bytes))
      if (changed === null) await raw.delete(folder + id)
      else await raw.put(folder + id, changed)
      return () => raw.put(folder + id, bytes)
    },
  }
}

/** Objects of several parts are folders of one file for each. */
function inFolder(objects: string): StoredObjects {
  const pathOf = (id: string) => join(objects, id.slice(0, 2), id)
  const filesOf = async (id: string): Promise<string[]> => {
    if ((await stat(pathOf(id))).isFile()) return [pathOf(id)]
    const parts = (await readdir(pathOf(id))).filter((name) => /^\d+-/.test(name))
    return parts.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).map((name) => join(pathOf(id), name))
  }
  const partsOf = async (id: string) => Promise.all((await filesOf(id)).map((file) => readFile(file)))
  return {
    async ids() {
      const folders = await readdir(objects).catch(() => [])
      return (await Promise.all(folders.map((name) => readdir(join(objects, name))))).flat()
    },
    read: async (id) => Buffer.concat(await partsOf(id)),
    async change(id, to) {
      const kept = `${pathOf(id)}.kept`
      await cp(pathOf(id), kept, { recursive: true })
      const parts = await partsOf(id)
      const changed = to(Buffer.concat(parts))
      if (changed === null) await rm(pathOf(id), { recursive: true })
      else {
        let at = 0
        for (const [index, file] of (await filesOf(id)).entries()) {
          const length = parts[index]?.length ?? 0
          await writeFile(file, changed.subarray(at, at + length))
          at += length
        }
      }
      return async () => {
        await rm(pathOf(id), { recursive: true, force: true })
        await rename(kept, pathOf(id))
      }
    },
  }
}
