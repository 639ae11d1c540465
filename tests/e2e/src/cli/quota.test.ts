import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectFailure, useDesk } from './device.ts'

const desk = useDesk({ env: { QUOTA_BYTES: '2000000' } })

it('a file beyond the quota is refused with 8, and what is there stays', async () => {
  await desk.putText('/small', 'small')
  await writeFile(join(desk.folder, 'large'), randomBytes(3_000_000))
  expectFailure(await desk.run('put', '-q', 'large', '/large'), 8, /room/)
  expect(await desk.ok('ls', '/')).toBe('small\n')
  expect(await desk.readText('/small')).toBe('small')
})

it('so are stdin and a folder', async () => {
  const result = await desk.device.run(['put', '-', '/large'], { input: randomBytes(3_000_000) })
  expectFailure(result, 8, /room/)
  await mkdir(join(desk.folder, 'dir'))
  for (let file = 0; file < 20; file += 1) await writeFile(join(desk.folder, 'dir', String(file)), randomBytes(150_000))
  expectFailure(await desk.run('put', '-q', '-r', 'dir', '/'), 8, /room/)
})

it('the files of a folder that fitted are there, and can be removed to make room', async () => {
  await mkdir(join(desk.folder, 'parts'))
  for (const file of ['1', '2', '3']) await writeFile(join(desk.folder, 'parts', file), randomBytes(600_000))
  await desk.run('rm', '-q', '-r', '--permanent', '/dir')
  for (const file of ['4', '5']) await writeFile(join(desk.folder, 'parts', file), randomBytes(600_000))
  expectFailure(await desk.run('put', '-q', '-r', 'parts', '/'), 8, /room/)
  // Which of them is not said: they ask for room side by side.
  expect(await desk.ok('ls', '/parts')).toMatch(/^([1-5]\n){3}$/)
  await desk.ok('rm', '-q', '-r', '--permanent', '/parts')
})

it('after something is removed for good there is room again', async () => {
  await writeFile(join(desk.folder, 'fits'), randomBytes(1_000_000))
  await desk.run('rm', '-q', '-r', '--permanent', '/dir')
  await desk.ok('put', 'fits', '/fits')
  const { usedBytes, quotaBytes } = await desk.json<{ usedBytes: number; quotaBytes: number }>('whoami')
  expect(quotaBytes).toBe(2_000_000)
  expect(usedBytes).toBeGreaterThan(1_000_000)
  expect(usedBytes).toBeLessThanOrEqual(quotaBytes)
})
