import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../../dev-env/cli.ts'
import { startDevServer } from '../../../dev-env/server.ts'

describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)('a disk that fills up while serving', () => {
  let folder: string
  let disk: string
  let mounted = false

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'strongroom-filling-'))
    disk = await mkdtemp(path.join(tmpdir(), 'strongroom-filling-disk-'))
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300m', 'tmpfs', disk], { stdio: 'ignore' })
      mounted = true
    } catch {
      mounted = false
    }
  })
  afterAll(async () => {
    if (mounted) execFileSync('umount', ['-l', disk])
    for (const made of [folder, disk]) await rm(made, { recursive: true, force: true })
  })

  it('refuses content, keeps what it has acknowledged, and takes more once there is room', async (context) => {
    if (!mounted) context.skip('no file system can be mounted here')
    const server = await startDevServer({ dataDir: path.join(disk, 'data') })
    const cli = (...parameters: string[]) =>
      runCli(parameters, {
        home: path.join(folder, 'home'),
        server: server.url,
        password: 'a long enough passphrase 7',
      })
    try {
      const registered = await cli('register', 'full@example.org', '--recovery-file', path.join(folder, 'recovery'))
      expect(registered.stderr + registered.stdout.toString()).toContain('full@example.org')
      const small = path.join(folder, 'small.bin')
      const large = path.join(folder, 'large.bin')
      const bytes = randomBytes(1_000_000)
      await writeFile(small, bytes)
      await writeFile(large, randomBytes(250 * 1024 * 1024))
      expect((await cli('put', small, '/')).code).toBe(0)
      expect((await cli('put', large, '/')).code).not.toBe(0)
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
      expect((await cli('cat', '/small.bin')).stdout.equals(bytes)).toBe(true)
      expect((await cli('mkdir', '/still-works')).code).toBe(0)
      execFileSync('mount', ['-o', 'remount,size=900m', disk])
      expect((await cli('put', large, '/')).code).toBe(0)
    } finally {
      await server.stop()
    }
  })
})
