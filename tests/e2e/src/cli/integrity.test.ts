import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectFailure, useDesk } from './device.ts'

const desk = useDesk()

/** Flips one bit in the middle of every stored object. */
async function damageStore(): Promise<void> {
  const blobs = join(desk.server.dataDir, 'blobs')
  for (const entry of await readdir(blobs, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const { size } = await stat(path)
    if (size === 0) continue
    const file = await open(path, 'r+')
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, Math.floor(size / 2))
    byte.writeUInt8(byte.readUInt8() ^ 1)
    await file.write(byte, 0, 1, Math.floor(size / 2))
    await file.close()
  }
}

it('damaged content is code 5, and not a byte of it is written', async () => {
  await writeFile(join(desk.folder, 'there'), 'kept')
  await desk.device.ok(['put', '-', '/file'], { input: randomBytes(1_000_000) })
  await desk.ok('mkdir', '/dir')
  await desk.ok('cp', '/file', '/dir')
  await damageStore()
  expectFailure(await desk.run('get', '-q', '/file', 'fresh'), 5, /operator/)
  expectFailure(await desk.run('get', '-q', '/file', 'there'), 5, /operator/)
  const cat = await desk.run('cat', '/file')
  expectFailure(cat, 5, /operator/)
  expect(cat.stdout).toHaveLength(0)
  expect((await desk.run('get', '-q', '-r', '/dir', 'tree')).code).toBe(5)
  expect(await readFile(join(desk.folder, 'there'), 'utf8')).toBe('kept')
  const left = await readdir(desk.folder, { recursive: true, withFileTypes: true })
  expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(['there'])
})
