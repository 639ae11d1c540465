import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CONFIG, loadConfig } from '@strongroom/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { freePort } from '../../../dev-env/engines/free-port.ts'
import { requirePackages } from '../../../dev-env/engines/install.ts'
import { useDatabase } from '../../../dev-env/engines/postgres-debian.ts'
import { startDevServer } from '../../../dev-env/server.ts'

const execute = promisify(execFile)
const deploy = fileURLToPath(new URL('../../../../deploy/', import.meta.url))
const HAPROXY = '/usr/sbin/haproxy'
const SYSTEMD_ANALYZE = '/usr/bin/systemd-analyze'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-deploy-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Settings as an env file has them; with `all`, those that are commented out too. */
async function envFile(all: boolean): Promise<Record<string, string>> {
  const text = await readFile(join(deploy, 'strongroom.env.example'), 'utf8')
  const lines = text.split('\n').flatMap((line) => (all ? /^#?([A-Z_]+=.*)$/ : /^([A-Z_]+=.*)$/).exec(line)?.[1] ?? [])
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

describe('deploy', () => {
  it('has a unit that systemd takes, and that confines the server', async () => {
    if (!existsSync(SYSTEMD_ANALYZE)) requirePackages('systemd', ['systemd'])
    const text = await readFile(join(deploy, 'strongroom.service'), 'utf8')
    const unit = join(folder, 'strongroom.service')
    const check = async (changed: string) => {
      await writeFile(unit, changed)
      const { stdout, stderr } = await execute(SYSTEMD_ANALYZE, ['verify', '--man=no', unit])
      return stdout + stderr
    }
    // The programs and folders of this machine stand for those of the unit.
    const here = text
      .replace('/usr/bin/node', process.execPath)
      .replace('WorkingDirectory=/opt/strongroom', 'WorkingDirectory=/')
    expect(await check(here)).toBe('')
    await expect(check(here.replace('Type=exec', 'Type=nothing')).then((said) => said === '')).resolves.toBe(false)
    for (const setting of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'CapabilityBoundingSet=', 'UMask=0077']) {
      expect(text).toContain(`\n${setting}\n`)
    }
  })

  it('names no setting that the server does not have', async () => {
    const names = Object.keys(CONFIG.shape)
    const foreign = /^AWS_/
    const texts = await Promise.all(
      ['strongroom.env.example', 'compose.yaml', 'strongroom.service', 'Dockerfile'].map((name) =>
        readFile(join(deploy, name), 'utf8'),
      ),
    )
    const own =
      /\b(?:(?:DATABASE|BLOB|KMS|PUBLIC)_[A-Z_]+|TRUSTED_PROXIES|REGISTRATION|DRAIN_SECONDS|METRICS_ADDRESS|[A-Z]+_DAYS)\b/g
    const used = new Set(texts.flatMap((text) => text.match(own) ?? []))
    expect([...used].filter((name) => !names.includes(name) && !foreign.test(name))).toEqual([])
    expect(used.size).toBeGreaterThan(8)
    expect(loadConfig(await envFile(false))).toMatchObject({ registration: 'invite', databaseUrl: null })
    const all = { ...(await envFile(true)), BLOB_URL: 's3://bucket/prefix?region=eu-central-1' }
    expect(loadConfig(all)).toMatchObject({ blobs: { kind: 's3' }, kms: { kind: 'aws' } })
  })

  it('has a balancer before two servers that keeps clients at work while one is stopped', async () => {
    if (!existsSync(HAPROXY)) requirePackages('haproxy', ['haproxy'])
    const config = join(deploy, 'haproxy.cfg')
    await execute(HAPROXY, ['-c', '-f', config])
    const database = await useDatabase('18')
    const shared = {
      DATABASE_URL: database.url,
      BLOB_URL: `file://${join(folder, 'blobs')}`,
      KMS_URL: `keyfile://${join(folder, 'keys.json')}`,
      TRUSTED_PROXIES: '127.0.0.1',
      REGISTRATION: 'open',
      DRAIN_SECONDS: '6',
    }
    const one = await startDevServer({ env: shared })
    const two = await startDevServer({ env: shared })
    const port = await freePort()
    const env = {
      ...process.env,
      STRONGROOM_BIND: `127.0.0.1:${port}`,
      STRONGROOM_ONE: new URL(one.url).host,
      STRONGROOM_TWO: new URL(two.url).host,
    }
    const balancer = spawn(HAPROXY, ['-db', '-f', config], { env, stdio: 'ignore' })
    const url = `http://127.0.0.1:${port}`
    const device = await CliDevice.create(url)
    try {
      await answers(`${url}/readyz`)
      await device.register('deploy@example.org')
      const source = join(folder, 'source')
      await writeFile(source, Buffer.alloc(20 * 1024 * 1024, 5))
      const putting = device.ok(['put', '-q', '--limit-rate', '4M', source, '/file'])
      await one.stop()
      await putting
      expect((await device.ok(['cat', '/file'])).stdout.length).toBe(20 * 1024 * 1024)
      expect((await device.ok(['ls', '/'])).stdout.toString()).toBe('file\n')
    } finally {
      await device[Symbol.asyncDispose]()
      await end(balancer)
      await Promise.all([one.stop(), two.stop()])
      await database.close()
    }
  }, 600_000)
})

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if ((await fetch(url).catch(() => null))?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the balancer does not answer')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await ended
}
