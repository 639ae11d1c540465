import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sealOuter } from '../../../../packages/server/src/domain/keys/outer-layer.ts'
import { envelopePlace } from '../../../../packages/server/src/domain/keys/places.ts'
import { CliDevice } from '../../../dev-env/cli.ts'
import { dataFolder, type ServerProcess, startServer } from '../harness/server.ts'
import { judge } from './guesser.ts'
import { carryOff, type Loot, withKeyFile, withoutSetup } from './loot.ts'

const RIGHT = 'the right password of the attic 88'
const WRONG = 'the wrong password of the attic 88'

let data: Awaited<ReturnType<typeof dataFolder>>
let server: ServerProcess
let device: CliDevice
let loot: Loot
let withKeys: Loot

beforeAll(async () => {
  data = await dataFolder()
  server = await startServer({ dataFolder: data.path })
  device = await CliDevice.create(server.url, RIGHT)
  await device.register('victim@example.org')
  await device.ok(['put', '-', '/secret.txt'], { input: 'the bullion leaves at dawn' })
  loot = await carryOff(server.database, data.path)
  withKeys = await withKeyFile(loot, data.path)
})
afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await server?.stop()
  await data?.remove()
})

describe('a program with the right password', () => {
  it('finds nothing in database and blobs that it could be held against', async () => {
    expect(loot.tables.accounts).toHaveLength(1)
    expect(loot.objects.length).toBeGreaterThan(0)
    expect([await judge(loot, RIGHT), await judge(loot, WRONG)]).toEqual(['nothing', 'nothing'])
  })

  it('finds nothing either with the key service, as long as the OPAQUE setup is elsewhere', async () => {
    const without = await withoutSetup(withKeys, data.path)
    expect([await judge(without, RIGHT), await judge(without, WRONG)]).toEqual(['nothing', 'nothing'])
  })

  it('confirms it once it has setup and key file too, and refutes another one', async () => {
    expect([await judge(withKeys, RIGHT), await judge(withKeys, WRONG)]).toEqual(['right', 'wrong'])
  })
})

describe('the program itself', () => {
  it('would find a hash of the password, salted or not, and a key made of it', async () => {
    const [salt, accountId] = [randomBytes(16), randomBytes(16)]
    const table = (row: Record<string, unknown>): Loot => ({ tables: { planted: [row] }, objects: [] })
    const planted = [
      table({ hash: createHash('sha256').update(RIGHT).digest('hex') }),
      table({ salt, hash: createHmac('sha512', salt).update(RIGHT).digest() }),
      table({ both: Buffer.concat([salt, createHash('sha1').update(RIGHT).update(salt).digest()]), salt }),
    ]
    const key = createSecretKey(createHash('sha256').update(RIGHT).update(accountId).digest())
    const sealed = sealOuter({ bytes: randomBytes }, key, envelopePlace(accountId, 1, 1), randomBytes(105))
    const envelope = { account_id: accountId, method: 1, version: 1, sealed }
    const careless: Loot = { tables: { envelopes: [envelope] }, objects: [] }
    for (const found of [...planted, careless]) {
      expect([await judge(found, RIGHT), await judge(found, WRONG)]).toEqual(['right', 'nothing'])
    }
  })
})
