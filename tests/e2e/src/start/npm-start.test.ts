import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { descendants, postmasterPid, untilGone } from './postgres.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

interface NpmStart {
  readonly pid: number
  readonly exited: Promise<number | null>
  output(): string
}

/** Runs `npm start` in a process group of its own, as a terminal does, until the server listens. */
async function npmStart(dataDir: string): Promise<NpmStart> {
  const child = spawn('npm', ['start'], {
    cwd: ROOT,
    env: { ...process.env, PORT: '0', STRONGROOM_DATA: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const pid = child.pid ?? 0
  const killAtExit = () => process.kill(-pid, 'SIGKILL')
  process.on('exit', killAtExit)
  let output = ''
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  void exited.then(() => process.off('exit', killAtExit))
  await new Promise<void>((resolve, reject) => {
    const onText = (text: string) => {
      output += text
      if (/^Next: /m.test(output)) resolve()
    }
    child.stdout.setEncoding('utf8').on('data', onText)
    child.stderr.setEncoding('utf8').on('data', onText)
    void exited.then((code) => reject(new Error(`npm start ended with ${code}: ${output}`)))
  })
  return { pid, exited, output: () => output }
}

describe.runIf(process.platform === 'linux')('npm start', () => {
  let dataDir: string

  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'strongroom-npm-'))
  })
  afterAll(() => rm(dataDir, { recursive: true, force: true }))

  it('ends gracefully at Ctrl-C, which a terminal and npm both pass on', async () => {
    const npm = await npmStart(dataDir)
    const [postgres, all] = [postmasterPid(dataDir), descendants(npm.pid)]
    process.kill(-npm.pid, 'SIGINT')
    await npm.exited
    for (const pid of [postgres, ...all]) await untilGone(pid)
    expect(npm.output()).toContain('Stopping')
  })

  it('leaves nothing running when npm alone is told to end', async () => {
    const npm = await npmStart(dataDir)
    const [postgres, all] = [postmasterPid(dataDir), descendants(npm.pid)]
    process.kill(npm.pid, 'SIGTERM')
    for (const pid of [postgres, ...all]) await untilGone(pid)
    await npm.exited
  })

  it('starts no helper that stays beside the server and its database', async () => {
    const npm = await npmStart(dataDir)
    const children = new Set(descendants(npm.pid))
    const database = new Set(descendants(postmasterPid(dataDir)))
    const others = [...children].filter((pid) => !database.has(pid))
    process.kill(-npm.pid, 'SIGINT')
    await npm.exited
    for (const pid of children) await untilGone(pid)
    // A shell of npm's, the server, and the database with the two shells of its guard.
    expect(others.length).toBeLessThanOrEqual(5)
  })
})
