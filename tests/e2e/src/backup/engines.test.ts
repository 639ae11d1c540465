import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { useBucket } from '../../../dev-env/engines/bucket.ts'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import { useDatabase } from '../../../dev-env/engines/postgres-debian.ts'
import { startDevServer } from '../../../dev-env/server.ts'
import { operator } from '../admin/operator.ts'

const LOGIN = 'moves@example.org'
const big = randomBytes(9 * 1024 * 1024)

describe.skipIf(isLeftOut('ceph') || isLeftOut('postgres'))('admin backup and restore', () => {
  it('move a service from embedded engines to an older PostgreSQL and a bucket, and back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'strongroom-moves-'))
    const embedded = await startDevServer({ dataDir: join(folder, 'data') })
    const device = await CliDevice.create(embedded.url)
    const { port } = new URL(embedded.url)
    await device.register(LOGIN)
    await device.ok(['put', '-q', '-', '/big'], { input: big })
    await device.ok(['put', '-q', '-', '/small'], { input: 'small' })
    await operator({ STRONGROOM_DATA: embedded.dataDir }).ok('backup', join(folder, 'one'))
    await embedded.stop()

    const database = await useDatabase('15')
    const bucket = await useBucket()
    const env = { DATABASE_URL: database.url, BLOB_URL: bucket.url({ prefix: 'moved' }), ...bucket.env }
    const own = operator({ STRONGROOM_DATA: join(folder, 'moved'), ...env })
    await own.ok('restore', '--keep-sessions', join(folder, 'one'))
    const moved = await startDevServer({ dataDir: join(folder, 'moved'), port: Number(port), env })
    try {
      // The addresses of the bucket are new to a device that signed in before.
      await device.login(LOGIN)
      expect((await device.ok(['cat', '/big'])).stdout.equals(big)).toBe(true)
      await device.ok(['put', '-q', '-', '/later'], { input: 'later' })
      expect((await own.run(['verify', '--deep', '--keys'])).code).toBe(0)
      expect(await own.json('backup', join(folder, 'two'))).toMatchObject({ blobs: 3, copied: 3, missing: [] })
    } finally {
      await moved.stop()
    }
    await operator({ STRONGROOM_DATA: join(folder, 'back') }).ok('restore', join(folder, 'two'))
    const back = await startDevServer({ dataDir: join(folder, 'back'), port: Number(port) })
    try {
      await device.login(LOGIN)
      expect((await device.ok(['cat', '/later'])).stdout.toString()).toBe('later')
      expect((await device.ok(['cat', '/big'])).stdout.equals(big)).toBe(true)
      await device.ok(['verify'])
    } finally {
      await back.stop()
      await device[Symbol.asyncDispose]()
      await database.close()
      bucket.raw.close()
      await rm(folder, { recursive: true, force: true })
    }
  }, 600_000)
})
