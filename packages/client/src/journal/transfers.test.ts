import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asAccountId, asBlobId, asDeviceId, generateAccountKey, utf8 } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../platform/clock.ts'
import { journalStore } from '../platform/node/journal-store.ts'
import { downloadJournal } from './download-journal.ts'
import { openTransfers, type Transfers } from './transfers.ts'

const engine = nodeEngine()
const accountKey = generateAccountKey(engine)
const place = { accountId: asAccountId(engine.randomBytes(16)), deviceId: asDeviceId(engine.randomBytes(16)) }
const folders: string[] = []
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-journals-'))
  folders.push(folder)
})
afterAll(async () => {
  for (const made of folders) await rm(made, { recursive: true, force: true })
})

function transfers(deviceId = place.deviceId): Transfers {
  return openTransfers({
    engine,
    clock: systemClock,
    journals: journalStore(folder),
    accountKey,
    accountId: place.accountId,
    deviceId,
  })
}

async function begin(names: string[], kind: 'put' | 'get' = 'put', from = transfers()) {
  const transfer = await from.begin(kind, names)
  if (transfer === null) throw new Error('taken')
  return transfer
}

describe('transfers', () => {
  it('keep their record until it is removed, sealed', async () => {
    const first = await begin(['/local/a', '/b'])
    first.save(() => utf8('first'))
    first.save(() => utf8('secret text'))
    await first.flush()
    await first.release()
    const second = await begin(['/local/a', '/b'])
    expect(second.id).toBe(first.id)
    expect(await second.load()).toEqual(utf8('secret text'))
    const bytes = await readFile(join(folder, second.id))
    expect(bytes.includes('secret')).toBe(false)
    await second.remove()
    expect(await second.load()).toBeNull()
    await second.release()
    expect(await readdir(folder)).toEqual([])
  })

  it('are told apart by kind, by each name and by device', async () => {
    const other = transfers(asDeviceId(engine.randomBytes(16)))
    const all = [
      await begin(['/a', '/b']),
      await begin(['/a', '/b'], 'get'),
      await begin(['/a/', 'b']),
      await begin(['/a', '/b'], 'put', other),
    ]
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    for (const transfer of all) await transfer.release()
  })

  it('belong to one process at a time', async () => {
    const first = await begin(['/a'])
    expect(await transfers().begin('put', ['/a'])).toBeNull()
    await first.release()
    await (await begin(['/a'])).release()
  })

  it('begin anew where the record does not open', async () => {
    const first = await begin(['/a'])
    await writeFile(join(folder, first.id), 'no record')
    expect(await first.load()).toBeNull()
    expect(await readdir(folder)).toEqual([`${first.id}.lock`])
    await first.release()
  })

  it('are forgotten after a month', async () => {
    const first = await begin(['/a'])
    first.save(() => utf8('old'))
    await first.flush()
    await first.release()
    await utimes(join(folder, first.id), 0, 0)
    await (await begin(['/b'])).release()
    expect(await readdir(folder)).toEqual([])
  })
})

describe('journals of downloads', () => {
  it('remember the parts of this blob only', async () => {
    const transfer = await begin(['/a'], 'get')
    const blobId = asBlobId(engine.randomBytes(16))
    const freshKey = engine.randomBytes(32)
    const macs = [engine.randomBytes(16), engine.randomBytes(16)]
    const first = await downloadJournal(transfer, { blobId, freshKey })
    for (const mac of macs) first.add(mac)
    await first.close()
    const again = await downloadJournal(transfer, { blobId, freshKey: engine.randomBytes(32) })
    expect([again.earlier, again.macKey]).toEqual([macs, freshKey])
    const other = await downloadJournal(transfer, { blobId: asBlobId(engine.randomBytes(16)), freshKey })
    expect(other.earlier).toEqual([])
  })
})
