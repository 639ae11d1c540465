import { execFile, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { cephConfig, gatewayConfig } from './ceph-config.ts'
import { freePort } from './free-port.ts'
import { requirePackages } from './install.ts'
import { endWithRun, runFolder } from './run-folder.ts'

const PACKAGES = ['radosgw', 'ceph-mon', 'ceph-mgr', 'ceph-osd', 'ceph-common']
const START_MS = 240_000
const execute = promisify(execFile)

/** A real S3 store: one monitor, one disk, one gateway of Ceph, shared by the test files of a run. */
export interface Ceph {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  /** Folder with `ceph.conf`. */
  readonly folder: string
}

/** Ceph, started by whoever asks first. */
export async function useCeph(): Promise<Ceph> {
  const folder = path.join(runFolder(), 'ceph')
  const ready = path.join(folder, 'ready.json')
  const failed = path.join(folder, 'failed')
  const isFirst = await mkdir(folder).then(
    () => true,
    () => false,
  )
  if (isFirst) {
    try {
      await writeFile(`${ready}.new`, JSON.stringify(await start(folder)))
      await rename(`${ready}.new`, ready)
    } catch (error) {
      await writeFile(failed, String(error))
      throw error
    }
  }
  const deadline = Date.now() + START_MS
  while (!existsSync(ready)) {
    if (existsSync(failed)) throw new Error(`Ceph did not start: ${await readFile(failed, 'utf8')}`)
    if (Date.now() > deadline) throw new Error('Ceph did not start in time')
    await delay(200)
  }
  // It was written by this function.
  return JSON.parse(await readFile(ready, 'utf8')) as Ceph
}

/** Runs a program of Ceph's against the cluster in `folder`, `radosgw-admin` say. */
export async function runCeph(folder: string, program: string, parameters: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, ['--conf', path.join(folder, 'ceph.conf'), ...parameters], {
    timeout: 120_000,
  })
  return stdout
}

/** Starts a program of Ceph's that stays; its pid. */
export async function spawnCeph(
  folder: string,
  name: string,
  program: string,
  parameters: readonly string[],
  configuration = path.join(folder, 'ceph.conf'),
): Promise<number> {
  const output = await open(path.join(folder, 'log', `${name}.out`), 'a')
  const child = spawn(program, ['--conf', configuration, '-f', ...parameters], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
  })
  await output.close()
  if (child.pid === undefined) throw new Error(`${program} does not start`)
  await endWithRun(name, child.pid)
  child.unref()
  return child.pid
}

async function start(folder: string): Promise<Ceph> {
  requirePackages('ceph', PACKAGES)
  for (const name of ['mon', 'osd', 'rgw', 'run', 'log']) await mkdir(path.join(folder, name))
  const [monitor, oldMonitor, gateway] = [await freePort(), await freePort(), await freePort()]
  const fsid = randomUUID()
  const monitorAddress = `[v2:127.0.0.1:${monitor},v1:127.0.0.1:${oldMonitor}]`
  await writeFile(
    path.join(folder, 'ceph.conf'),
    cephConfig({ folder, fsid, monitorAddress }) + gatewayConfig({ folder, name: 'a', port: gateway }),
  )
  const keyring = path.join(folder, 'keyring')
  const key = (name: string, caps: readonly string[], create: readonly string[] = []) =>
    execute('ceph-authtool', [
      ...create,
      keyring,
      '--gen-key',
      '-n',
      name,
      ...caps.flatMap((cap) => ['--cap', ...cap.split('=')]),
    ])
  await key('mon.', ['mon=allow *'], ['--create-keyring'])
  await key('client.admin', ['mon=allow *', 'osd=allow *', 'mgr=allow *'])
  await key('osd.0', ['mon=allow profile osd', 'osd=allow *', 'mgr=allow *'])
  for (const one of ['a', 'b']) await key(`client.rgw.${one}`, ['mon=allow rw', 'osd=allow rwx', 'mgr=allow rw'])
  const map = path.join(folder, 'monmap')
  await execute('monmaptool', ['--create', '--addv', 'a', monitorAddress, '--fsid', fsid, map])
  await runCeph(folder, 'ceph-mon', ['--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring])
  await spawnCeph(folder, 'ceph-mon', 'ceph-mon', ['-i', 'a'])
  const disk = randomUUID()
  await runCeph(folder, 'ceph', ['osd', 'new', disk, '0'])
  await runCeph(folder, 'ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', disk])
  await spawnCeph(folder, 'ceph-osd', 'ceph-osd', ['-i', '0'])
  const endpoint = await startGateway(folder, 'a', gateway)
  const accessKeyId = randomBytes(8).toString('hex').toUpperCase()
  const secretAccessKey = randomBytes(20).toString('hex')
  const names = ['user', 'create', '--uid=strongroom', '--display-name=strongroom']
  await runCeph(folder, 'radosgw-admin', [...names, `--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`])
  return { endpoint, accessKeyId, secretAccessKey, region: 'us-east-1', folder }
}

async function startGateway(folder: string, name: string, port: number): Promise<string> {
  await spawnCeph(folder, `rgw-${name}`, 'radosgw', ['-n', `client.rgw.${name}`])
  const endpoint = `http://127.0.0.1:${port}`
  await answers(endpoint)
  return endpoint
}

/** Resolves when something answers there. */
export async function answers(endpoint: string): Promise<void> {
  const deadline = Date.now() + START_MS
  for (;;) {
    const isUp = await fetch(endpoint, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.status < 500,
      () => false,
    )
    if (isUp) return
    if (Date.now() > deadline) throw new Error('the gateway of Ceph does not answer')
    await delay(200)
  }
}
