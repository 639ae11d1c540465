import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { useDesk } from './device.ts'

const desk = useDesk()
const MIB = 1024 * 1024

/** Runs a command and sends it a signal once `ready` says so. */
async function interrupted(parameters: string[], signal: NodeJS.Signals, ready: () => Promise<boolean>) {
  let ended = false
  const result = desk.device.run(parameters, {
    cwd: desk.folder,
    onSpawn: (child) => {
      child.once('close', () => {
        ended = true
      })
      const watch = async (): Promise<void> => {
        while (!ended && !(await ready())) await sleep(20)
        child.kill(signal)
      }
      void watch()
    },
  })
  return await result
}

describe('Ctrl-C', () => {
  it('during get ends with 130 and leaves nothing under the name; the next get goes on', async () => {
    const input = randomBytes(40 * MIB)
    await desk.device.ok(['put', '-', '/large'], { input })
    const before = (await readdir(desk.folder)).sort()
    const someWritten = async (): Promise<boolean> => {
      const fresh = (await readdir(desk.folder)).filter((name) => !before.includes(name))
      const sizes = await Promise.all(fresh.map((name) => stat(join(desk.folder, name)).then((found) => found.size)))
      return sizes.some((size) => size > 0)
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const result = await interrupted(['get', '--limit-rate', '8MiB', '/large', 'target'], signal, someWritten)
      expect(result).toMatchObject({ code: 130, stderr: 'strongroom: Interrupted.\n' })
      const left = (await readdir(desk.folder)).filter((name) => !before.includes(name))
      expect(left).toEqual([expect.stringMatching(/^\.strongroom-[0-9a-f]{32}\.part$/)])
      await desk.ok('get', '/large', 'target')
      expect(input.equals(await readFile(join(desk.folder, 'target')))).toBe(true)
      await rm(join(desk.folder, 'target'))
      expect((await readdir(desk.folder)).sort()).toEqual(before)
    }
  })

  it('during get leaves what had the name before', async () => {
    await writeFile(join(desk.folder, 'kept'), 'kept')
    const begun = Date.now()
    const result = await interrupted(['get', '--limit-rate', '4MiB', '/large', 'kept'], 'SIGINT', async () => {
      return Date.now() - begun > 2500
    })
    expect(result.code).toBe(130)
    expect(await readFile(join(desk.folder, 'kept'), 'utf8')).toBe('kept')
  })

  it('during put ends with 130, and the file does not appear', async () => {
    await writeFile(join(desk.folder, 'source'), randomBytes(40 * MIB))
    const begun = Date.now()
    const result = await interrupted(['put', '--limit-rate', '4MiB', 'source', '/half'], 'SIGINT', async () => {
      return Date.now() - begun > 2500
    })
    expect(result).toMatchObject({ code: 130, stderr: 'strongroom: Interrupted.\n' })
    expect((await desk.run('cat', '/half')).code).toBe(3)
  })

  it('during put -r keeps what was committed, and the next run does the rest', async () => {
    const begun = Date.now()
    const result = await interrupted(['put', '-r', '--limit-rate', '4MiB', '.', '/again'], 'SIGINT', async () => {
      return Date.now() - begun > 2500
    })
    expect(result.code).toBe(130)
    await desk.ok('put', '-r', '.', '/again')
    const { stdout } = await desk.device.ok(['cat', '/again/source'])
    expect(stdout.equals(await readFile(join(desk.folder, 'source')))).toBe(true)
  })
})
