import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import type { Seen } from '../../../dev-env/engines/store-proxy.ts'
import { type StoreWorld, storeWorld } from './world.ts'

const MIB = 1024 * 1024

function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

const partOf = ({ method, path }: Seen): number =>
  method === 'PUT' ? Number(new URL(path, 'http://x').searchParams.get('partNumber') ?? 0) : 0

describe.skipIf(isLeftOut('ceph'))('a part of an earlier attempt that arrives late', () => {
  let world: StoreWorld
  beforeAll(async () => {
    world = await storeWorld()
  })
  afterAll(() => world?.close())

  it('over the one that was sent for it makes complete fail, and that part is sent again', async () => {
    const bytes = randomBytes(20 * MIB)
    await writeFile(join(world.folder, 'file'), bytes)
    const [late, lateDone, second] = [gate(), gate(), gate()]
    // The device dies while its second part is on its way, somewhere in the network; the third never leaves.
    const isOnItsWay = new Promise<void>((resolve) => {
      world.store.intercept((seen) => {
        if (partOf(seen) === 3) return { kind: 'stall' }
        if (partOf(seen) !== 2) return null
        setTimeout(resolve, 1500)
        return { kind: 'hold', until: late.opened, answered: lateDone.open }
      })
    })
    const killed = await world.device.run(['put', '-q', 'file', '/file'], {
      cwd: world.folder,
      onSpawn: (child) => void isOnItsWay.then(() => child.kill('SIGKILL')),
    })
    expect(killed.code).toBeNull()

    // The next attempt encrypts the second part anew; then the first attempt's arrives.
    let sent = 0
    world.store.intercept((seen) => {
      if (partOf(seen) === 3) return { kind: 'hold', until: lateDone.opened }
      if (partOf(seen) !== 2) return null
      sent += 1
      return sent === 1 ? { kind: 'hold', until: Promise.resolve(), answered: second.open } : null
    })
    void second.opened.then(late.open)
    await world.device.ok(['put', '-q', 'file', '/file'], { cwd: world.folder })
    expect(sent).toBe(2)
    world.store.relax()
    await world.device.ok(['get', '-q', '/file', 'back'], { cwd: world.folder })
    expect((await readFile(join(world.folder, 'back'))).equals(bytes)).toBe(true)
  })
})
