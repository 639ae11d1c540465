import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import { storeWorld } from './world.ts'

describe.skipIf(isLeftOut('ceph'))(
  'a file of one part whose object is there, and whose device died before it knew',
  () => {
    it.each(['direct', 'proxy'])('is put under a new blob when the command is run again (%s)', async (mode) => {
      const world = await storeWorld({ BLOB_TRANSFER: mode })
      try {
        const bytes = randomBytes(5_000_000)
        await writeFile(join(world.folder, 'file'), bytes)
        const isStored = new Promise<void>((resolve) => {
          world.store.intercept(({ method, path }) => {
            if (method !== 'PUT' || !path.includes('/objects/')) return null
            setTimeout(resolve, 1500)
            return { kind: 'lost' }
          })
        })
        const killed = await world.device.run(['put', '-q', 'file', '/file'], {
          cwd: world.folder,
          onSpawn: (child) => void isStored.then(() => child.kill('SIGKILL')),
        })
        expect(killed.code).toBeNull()
        expect((await world.bucket.raw.keys('p/objects/')).length).toBeGreaterThan(0)
        world.store.relax()
        await world.device.ok(['put', '-q', 'file', '/file'], { cwd: world.folder })
        await world.device.ok(['get', '-q', '/file', 'back'], { cwd: world.folder })
        expect((await readFile(join(world.folder, 'back'))).equals(bytes)).toBe(true)
      } finally {
        await world.close()
      }
    })
  },
)
