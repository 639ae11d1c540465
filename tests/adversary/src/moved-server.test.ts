import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../dev-env/cli.ts'
import { targetFolder } from './harness/cli.ts'
import { dataFolder, type ServerProcess, startServer } from './harness/server.ts'

/** A person with two devices: one that stays signed in, one that comes later. */
interface Person {
  readonly login: string
  readonly password: string
  readonly device: CliDevice
  readonly content: Buffer
}

let before: Awaited<ReturnType<typeof dataFolder>>
let after: Awaited<ReturnType<typeof dataFolder>>
let moved: ServerProcess
const people: Person[] = []

beforeAll(async () => {
  before = await dataFolder()
  after = await dataFolder()
  const first = await startServer({ dataFolder: before.path, host: '127.0.0.1' })
  for (const login of ['ada', 'grace']) {
    const password = `the passphrase of ${login} 1815`
    const device = await CliDevice.create(first.url, password)
    const content = randomBytes(login === 'ada' ? 9 * 1024 * 1024 : 3000)
    await device.register(login)
    const file = join(device.home, 'file')
    await writeFile(file, content)
    await device.ok(['put', file, '/file'])
    people.push({ login, password, device, content })
  }
  await first.stop()
  // As `mv` does: owners and modes stay, PostgreSQL insists on them.
  await rename(before.path, after.path)
  moved = await startServer({ dataFolder: after.path, host: 'localhost' })
})

afterAll(async () => {
  await moved?.stop()
  await before?.remove()
  await after?.remove()
  for (const { device } of people) await device[Symbol.asyncDispose]()
})

describe('a data folder that is served under another host name, port and path', () => {
  it.each(['ada', 'grace'])('lets %s log in on the old device and get the files', async (login) => {
    const person = personOf(login)
    const options = { server: moved.url }
    await person.device.ok(['login', login], options)
    await expectFile(person, (parameters) => person.device.ok(parameters, options))
  })

  it.each(['ada', 'grace'])('lets %s log in on a new device and get the files', async (login) => {
    const person = personOf(login)
    await using device = await CliDevice.create(moved.url, person.password)
    await device.login(login)
    await expectFile(person, (parameters) => device.ok(parameters))
  })

  it('takes new files, which the other device sees', async () => {
    const person = personOf('grace')
    await person.device.ok(['put', '-', '/written-after-the-move'], { server: moved.url, input: 'still here' })
    await using device = await CliDevice.create(moved.url, person.password)
    await device.login('grace')
    expect((await device.ok(['cat', '/written-after-the-move'])).stdout.toString()).toBe('still here')
  })

  it('refuses a wrong password as before', async () => {
    await using device = await CliDevice.create(moved.url, 'not the passphrase of ada')
    expect((await device.run(['login', 'ada'])).code).toBe(4)
  })
})

function personOf(login: string): Person {
  const person = people.find((candidate) => candidate.login === login)
  if (person === undefined) throw new Error('nobody of that name')
  return person
}

async function expectFile(person: Person, ok: (parameters: string[]) => Promise<unknown>): Promise<void> {
  await using target = await targetFolder()
  await ok(['get', '/file', join(target.path, 'got')])
  expect((await readFile(join(target.path, 'got'))).equals(person.content)).toBe(true)
}
