import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { example } from './example.ts'
import { freshLogin, newHome, PASSWORD } from './sdk.ts'

let server: DevServer

beforeAll(async () => {
  server = await startDevServer()
})

afterAll(async () => {
  await server?.stop()
})

describe('the example of docs/sdk.md', () => {
  it('runs as it is printed', async () => {
    const folder = await newHome()
    await mkdir(join(folder, 'photos'))
    await writeFile(join(folder, 'photos', 'a.jpg'), 'not really')
    await writeFile(join(folder, 'letter.txt'), 'Dear reader')
    const before = process.cwd()
    const lines: string[] = []
    const log = vi.spyOn(console, 'log').mockImplementation((...parts) => void lines.push(parts.join(' ')))
    try {
      process.chdir(folder)
      const home = join(folder, 'home')
      const start = await example({ server: server.url, home, login: freshLogin(), password: PASSWORD })
      expect(start).toBe('Dear ')
      expect(await readFile('letter-again.txt', 'utf8')).toBe('Dear reader')
    } finally {
      process.chdir(before)
      log.mockRestore()
    }
    expect(lines[0]).toMatch(/^Write this down: ([0-9A-Z*~$=]{4}-){7}/)
    expect(lines.filter((line) => line.includes('/'))).toEqual([
      'folder 0 /letters',
      'file 11 /letters/letter.txt',
      'folder 0 /photos',
      'file 10 /photos/a.jpg',
    ])
  })

  it('is printed there as it is', async () => {
    const read = (path: string) => readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
    expect(await read('../../../../docs/sdk.md')).toContain(await read('./example.ts'))
  })
})
