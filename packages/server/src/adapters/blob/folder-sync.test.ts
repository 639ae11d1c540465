import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { folderSync } from './folder-sync.ts'

describe('folder sync', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'strongroom-sync-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('lets callers that come during a sync share the next one, never the one that began before them', async () => {
    const sync = folderSync()
    const first = sync(folder)
    const [second, third] = [sync(folder), sync(folder)]
    expect(second).not.toBe(first)
    expect(third).toBe(second)
    await Promise.all([first, second, third])
    await sync(folder)
  })

  it('fails for those it could not sync, and works for later ones', async () => {
    const sync = folderSync()
    const missing = path.join(folder, 'missing')
    const results = await Promise.allSettled([sync(missing), sync(missing)])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await sync(folder)
  })
})
