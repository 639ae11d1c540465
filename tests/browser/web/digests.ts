import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'

/** Digest of a file, or of a range of it. */
export async function digestOf(file: string, start = 0, length = Number.POSITIVE_INFINITY): Promise<string> {
  const hash = createHash('sha256')
  if (length > 0)
    for await (const chunk of createReadStream(file, { start, end: start + length - 1 })) hash.update(chunk)
  return hash.digest('hex')
}

/** Digests by path of what lies in a zip of less than 4 GiB, whose entries are stored as they are. Folders have none. */
export async function digestsOfZip(file: string): Promise<Map<string, string>> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const read = async (at: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at)
      if (bytesRead !== length) throw new Error('The zip is cut.')
      return buffer
    }
    const end = await read(size - 22, 22)
    if (end.readUInt32BE(0) !== 0x504b0506) throw new Error('The zip has no end.')
    const directory = await read(end.readUInt32LE(16), end.readUInt32LE(12))
    const digests = new Map<string, string>()
    for (let at = 0; at < directory.length; ) {
      const entry = directory.subarray(at)
      const nameLength = entry.readUInt16LE(28)
      const name = entry.toString('utf8', 46, 46 + nameLength)
      const head = entry.readUInt32LE(42)
      const start = head + 30 + (await read(head + 26, 4)).readUInt16LE(0) + (await read(head + 28, 2)).readUInt16LE(0)
      if (entry.readUInt16LE(10) !== 0) throw new Error('The zip is packed.')
      if (!name.endsWith('/')) digests.set(name, await digestOf(file, start, entry.readUInt32LE(24)))
      at += 46 + nameLength + entry.readUInt16LE(30) + entry.readUInt16LE(32)
    }
    if (digests.size === 0) throw new Error('The zip is empty.')
    return digests
  } finally {
    await handle.close()
  }
}
