import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CliResult, runCli } from '../../../dev-env/cli.ts'
import { expectFailure } from './device.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-serve-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (parameters: string[], onText?: (text: string, end: () => void) => void): Promise<CliResult> =>
  runCli(parameters, {
    home: join(folder, 'home'),
    server: 'http://127.0.0.1:9',
    cwd: folder,
    onSpawn: (child) => {
      let text = ''
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8')
        onText?.(text, () => child.kill('SIGTERM'))
      })
    },
  })

it('serve runs a server on the given port and folder until it is told to stop', async () => {
  let health = 0
  let asked = false
  const result = await run(['serve', '--port', '0', '--data', join(folder, 'data')], (text, end) => {
    const url = /Strongroom serves (\S+)/.exec(text)?.[1]
    if (url === undefined || asked) return
    asked = true
    void fetch(`${url}/healthz`).then((response) => {
      health = response.status
      end()
    }, end)
  })
  expect(result.code, result.stderr).toBe(0)
  expect(health).toBe(200)
  expect(await readdir(folder)).toContain('data')
})

it('serve answers settings that cannot be with 2 and one line', async () => {
  expectFailure(await run(['serve', '--port', '70000']), 2, /--port/)
  const result = await runCli(['serve'], { home: folder, server: '', cwd: folder, env: { PORT: 'many' } })
  expectFailure(result, 2, /PORT/)
})
