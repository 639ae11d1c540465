import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openKeyFile } from '../../../packages/server/src/adapters/kms/key-file.ts'
import { keyRingStamp, readKeyRing, writeKeyRing } from '../../../packages/server/src/adapters/kms/key-ring-file.ts'
import { keyManagementContract } from './key-management-contract.ts'

const clock = { nowMs: () => Date.now() }

keyManagementContract('key file', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-keys-'))
  const file = path.join(folder, 'keys/keys.json')
  let offset = 0
  const options = { file, clock: { nowMs: () => Date.now() + offset } }
  return {
    keys: await openKeyFile(options),
    reopen: () => openKeyFile(options),
    advance: (ms) => {
      offset += ms
    },
    outages: [
      { name: 'gone', begin: () => rename(file, `${file}.away`), end: () => rename(`${file}.away`, file) },
      { name: 'readable by others', begin: () => chmod(file, 0o644), end: () => chmod(file, 0o600) },
    ],
    dispose: () => rm(folder, { recursive: true }),
  }
})

describe('key file', () => {
  let folder: string
  let file: string

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'strongroom-keys-'))
    file = path.join(folder, 'keys.json')
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is readable by its own user only', async () => {
    await (await openKeyFile({ file, clock })).currentKeyId()
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('gives servers that race at the first start the same file', async () => {
    const raced = path.join(folder, 'raced.json')
    await Promise.all(Array.from({ length: 5 }, () => openKeyFile({ file: raced, clock })))
    expect(JSON.parse(await readFile(raced, 'utf8'))).toMatchObject({ version: 1, keys: [] })
  })

  it('is shared by servers: keys and states of one hold for the other, and no change is lost', async () => {
    const shared = path.join(folder, 'shared.json')
    const [one, two] = await Promise.all([openKeyFile({ file: shared, clock }), openKeyFile({ file: shared, clock })])
    const current = await Promise.all([one.currentKeyId(), two.currentKeyId()])
    expect(new Set(current).size).toBe(1)
    const made = await Promise.all([one, two, one, two, one, two].map((keys) => keys.createKey()))
    for (const keyId of made) {
      const wrapped = await one.wrap(keyId, Buffer.from('secret'), { purpose: 'test' })
      expect(Buffer.from(await two.unwrap(wrapped, { purpose: 'test' })).toString()).toBe('secret')
      await two.disable(keyId)
      await expect(one.unwrap(wrapped, { purpose: 'test' })).rejects.toMatchObject({ code: 'key_unusable' })
    }
  })

  it('takes over the lock of a server that died during a change', async () => {
    const locked = path.join(folder, 'locked.json')
    const keys = await openKeyFile({ file: locked, clock })
    await mkdir(`${locked}.lock`)
    await utimes(`${locked}.lock`, new Date(), new Date(Date.now() - 60_000))
    await keys.createKey()
    expect((await readdir(folder)).filter((name) => name.startsWith('locked.json'))).toEqual(['locked.json'])
  })

  it('is changed where a symbolic link points, under one lock for all its names', async () => {
    const target = path.join(folder, 'elsewhere.json')
    const name = path.join(folder, 'link.json')
    const direct = await openKeyFile({ file: target, clock })
    await symlink(target, name)
    const linked = await openKeyFile({ file: name, clock })
    const made = await Promise.all([linked, direct, linked, direct].map((keys) => keys.createKey()))
    expect((await lstat(name)).isSymbolicLink()).toBe(true)
    for (const keyId of made) expect(await direct.keyState(keyId)).toBe('enabled')
    await symlink(path.join(folder, 'nowhere.json'), path.join(folder, 'dangling.json'))
    const dangling = openKeyFile({ file: path.join(folder, 'dangling.json'), clock })
    await expect(dangling).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('is never written over by a process that was stopped so long that it lost its lock', async () => {
    const shared = path.join(folder, 'stopped.json')
    await openKeyFile({ file: shared, clock })
    const [read, ring] = [await keyRingStamp(shared), await readKeyRing(shared)]
    if (ring === null) throw new Error('the key file is there')
    const made = await (await openKeyFile({ file: shared, clock })).createKey()
    await expect(writeKeyRing(shared, ring, read)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await (await openKeyFile({ file: shared, clock })).keyState(made)).toBe('enabled')
    expect((await readdir(folder)).filter((name) => name.startsWith('stopped.json'))).toEqual(['stopped.json'])
  })

  it('is refused when it is a folder', async () => {
    const inTheWay = path.join(folder, 'folder.json')
    await mkdir(inTheWay)
    await expect(openKeyFile({ file: inTheWay, clock })).rejects.toThrow(/is no file/)
  })

  it('is refused when others may read it, with the command that mends it', async () => {
    await chmod(file, 0o640)
    await expect(openKeyFile({ file, clock })).rejects.toMatchObject({
      code: 'unavailable',
      message: `The key file ${file} can be read by others; run: chmod 600 ${file}`,
    })
    await chmod(file, 0o600)
  })

  it('is refused when damaged, without a word of its content, and left as it was', async () => {
    const damaged = path.join(folder, 'damaged.json')
    const text = (await readFile(file, 'utf8')).slice(0, -30)
    await writeFile(damaged, text, { mode: 0o600 })
    const error = await openKeyFile({ file: damaged, clock }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'unavailable' })
    expect(error).not.toHaveProperty('cause.message')
    expect(await readFile(damaged, 'utf8')).toBe(text)
  })

  it('is the only place of its keys: what a killed server has left goes at the next change', async () => {
    const own = path.join(folder, 'killed.json')
    const keys = await openKeyFile({ file: own, clock })
    await writeFile(`${own}.new-1-00000000`, await readFile(file, 'utf8'), { mode: 0o600 })
    await utimes(`${own}.new-1-00000000`, new Date(), new Date(Date.now() - 60_000))
    await keys.createKey()
    expect((await readdir(folder)).filter((name) => name.startsWith('killed.json'))).toEqual(['killed.json'])
  })

  it('holds no material of a destroyed key', async () => {
    let offset = 0
    const keys = await openKeyFile({ file, clock: { nowMs: () => Date.now() + offset } })
    const keyId = await keys.createKey()
    const material = JSON.parse(await readFile(file, 'utf8')).keys.find(({ id }: { id: string }) => id === keyId)
      .versions[0]
    await keys.scheduleDestruction(keyId, 7)
    expect(await readFile(file, 'utf8')).toContain(material)
    offset = 8 * 24 * 60 * 60 * 1000
    await keys.keyState(keyId)
    expect(await readFile(file, 'utf8')).not.toContain(material)
  })
})
