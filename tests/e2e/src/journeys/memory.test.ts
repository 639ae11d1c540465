import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { hashOf, temporaryFolder, writeSparse } from './files.ts'
import { peakMemory, watchPeakMemory } from './peak-memory.ts'
import { ServerProcess } from './server-process.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const soak = process.env.STRONGROOM_SOAK === '1'
const large = soak ? 4 * GIB : GIB / 2
const ALLOWED = 48 * MIB
/** Of the client, at any size; docs/benchmarks.md tells what it takes. */
const MOST = 216 * MIB
const LIMIT_MS = (soak ? 30 : 5) * 60_000

interface Peaks {
  put: number
  get: number
  server: number
}

async function measure(size: number): Promise<Peaks> {
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start()
  await using device = await CliDevice.create(server.url)
  await device.register('memory@example.org')
  const source = join(folder.path, 'source')
  await writeSparse(source, size)

  const peakOf = async (parameters: string[]): Promise<number> => {
    let watch = { stop: () => 0 }
    await device.ok(parameters, {
      timeoutMs: LIMIT_MS,
      onSpawn: (child) => {
        if (child.pid !== undefined) watch = watchPeakMemory(child.pid)
      },
    })
    return watch.stop()
  }
  const put = await peakOf(['put', '--quiet', source, '/file'])
  const get = await peakOf(['get', '--quiet', '/file', join(folder.path, 'target')])
  expect(await hashOf(join(folder.path, 'target'))).toBe(await hashOf(source))
  return { put, get, server: peakMemory(server.pid) }
}

describe.skipIf(process.platform !== 'linux')('memory', () => {
  it(
    `stays below 216 MiB in the client, and grows by less than 48 MiB between 64 MiB and ${large / GIB} GiB, in client and server`,
    async (context) => {
      const disk = await statfs(tmpdir())
      if (disk.bavail * disk.bsize < 3 * large) context.skip('too little free disk')
      const small = await measure(64 * MIB)
      const big = await measure(large)
      const growth = {
        put: (big.put - small.put) / MIB,
        get: (big.get - small.get) / MIB,
        server: (big.server - small.server) / MIB,
      }
      expect(Math.max(small.put, big.put) / MIB).toBeLessThan(MOST / MIB)
      expect(Math.max(small.get, big.get) / MIB).toBeLessThan(MOST / MIB)
      expect(growth.put, `put, from ${Math.round(small.put / MIB)} MiB`).toBeLessThan(ALLOWED / MIB)
      expect(growth.get, `get, from ${Math.round(small.get / MIB)} MiB`).toBeLessThan(ALLOWED / MIB)
      expect(growth.server, `server, from ${Math.round(small.server / MIB)} MiB`).toBeLessThan(ALLOWED / MIB)
    },
    LIMIT_MS,
  )
})
