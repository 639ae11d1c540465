import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { answers, spawnCeph, useCeph } from './ceph.ts'
import { gatewayConfig } from './ceph-config.ts'
import { freePort } from './free-port.ts'

/** A gateway of one's own before the Ceph that a run shares: one that may be killed. */
export interface CephGateway extends AsyncDisposable {
  readonly endpoint: string
  readonly pid: number
  /** SIGKILL; resolves when the process is gone. */
  kill9(): Promise<void>
  /** Starts it again, at the same endpoint; resolves when it answers. */
  restart(): Promise<void>
}

/** Starts another gateway; buckets of `useBucket` are found behind it. */
export async function startGateway(): Promise<CephGateway> {
  const { folder } = await useCeph()
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const name = `rgw-${randomBytes(4).toString('hex')}`
  const file = path.join(folder, `${name}.conf`)
  const shared = await readFile(path.join(folder, 'ceph.conf'), 'utf8')
  await writeFile(file, shared + gatewayConfig({ folder, name: 'b', port }).replace(/rgw data.*\n/, ''))
  const start = async (): Promise<number> => {
    const pid = await spawnCeph(folder, name, 'radosgw', ['-n', 'client.rgw.b'], file)
    await answers(endpoint)
    return pid
  }
  let pid = await start()
  const kill9 = async (): Promise<void> => {
    if (!isAlive(pid)) return
    process.kill(pid, 'SIGKILL')
    while (isAlive(pid)) await delay(20)
  }
  return {
    endpoint,
    get pid() {
      return pid
    },
    kill9,
    restart: async () => {
      pid = await start()
    },
    [Symbol.asyncDispose]: kill9,
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
