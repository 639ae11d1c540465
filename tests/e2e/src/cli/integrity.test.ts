import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { storedObjects } from '../../../dev-env/stored-objects.ts'
import { expectFailure, useDesk } from './device.ts'

const desk = useDesk()

/** Flips one bit in the middle of every stored object. */
async function damageStore(): Promise<void> {
  const objects = storedObjects(desk.server)
  for (const id of await objects.ids()) {
    await objects.change(id, (bytes) => {
      const middle = Math.floor(bytes.length / 2)
      bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
      return bytes
    })
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
