import { open } from 'node:fs/promises'

/**
 * All bytes of a file, up to the length that it has when it is opened.
 *
 * Reason: `readFile` asks for half a megabyte at a time and then joins the pieces; an index of 24 MB is there in a third of the
 * time like this.
 */
export async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path, 'r')
  try {
    const bytes = new Uint8Array((await file.stat()).size)
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return bytes.subarray(0, length)
  } finally {
    await file.close()
  }
}
