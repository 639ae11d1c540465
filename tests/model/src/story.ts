import { ClientError } from '@strongroom/client'
import { currentVersion, isInTrash, pathOf, type VaultState } from '@strongroom/vault'
import { expect } from 'vitest'
import type { TestServer } from '../../../packages/server/src/testing/test-server.ts'
import { type Device, openDevice, textSource } from './device.ts'
import { type Act, DEVICES, type Fault, PROLOGUE, type Step } from './steps.ts'
import { hashOf, readTruth, serverReferences, storedHash } from './truth.ts'
import { isAppend, lostConnection, type Trouble } from './wire.ts'

/** What its user knows of a file that they put. */
interface Put {
  readonly text: string
  readonly by: Device
  /** `kept`: it must be there once; `maybe`: once or not at all; `none`: not at all. */
  expected: 'kept' | 'maybe' | 'none'
  /** Whether somebody who may have seen it destroyed what they saw. */
  mayBeGone: boolean
}

/** Modification times tell puts from each other. */
const FIRST_MTIME_MS = 1_700_000_000_000

/** Reasons for which a verb may refuse what a random user wants. */
const SENSIBLE = ['not_found', 'exists', 'is_a_folder', 'not_a_folder', 'usage']
/** Verbs that others can make senseless; all the rest succeeds whoever else writes. */
const CAN_LOSE: readonly Act['verb'][] = ['move', 'copy', 'restore', 'restoreVersion']

/** Devices of one account that live through random steps, and what must hold of it. */
export interface Story extends AsyncDisposable {
  live(step: Step): Promise<void>
  /** Lets everything settle and checks it. */
  check(): Promise<void>
}

/** Begins a story; everything that its devices choose follows from the seed. */
export async function beginStory(server: TestServer, login: string, seed: string): Promise<Story> {
  const devices: Device[] = []
  for (let number = 0; number < DEVICES; number += 1) {
    devices.push(await openDevice({ server, login, name: `device ${number}`, seed, register: number === 0 }))
  }
  const puts = new Map<number, Put>()
  const deviceAt = (number: number): Device => {
    const device = devices[number % devices.length]
    if (device === undefined) throw new Error('there are devices')
    return device
  }

  const perform = async (device: Device, act: Act): Promise<void> => {
    const { drive } = device.session
    switch (act.verb) {
      case 'put':
        return await performPut(device, act)
      case 'mkdir':
        return await drive.mkdir(act.path)
      case 'move':
        return void (await drive.move(act.path, act.to, { conflict: act.conflict }))
      case 'copy':
        return void (await drive.copy(act.path, act.to, { recursive: true, conflict: 'keep-both' }))
      case 'trash':
        return await drive.trash(act.path, { recursive: true })
      case 'purge':
        await noteSeen(device)
        return await drive.purge(act.path, { recursive: true })
      case 'emptyTrash':
        await noteSeen(device)
        return void (await drive.emptyTrash())
      case 'restore': {
        const entries = await drive.listTrash()
        const entry = entries[act.pick % Math.max(1, entries.length)]
        return entry === undefined ? undefined : void (await drive.restore(entry.nodeId))
      }
      case 'restoreVersion':
        return void (await drive.restoreVersion(act.path, 1))
      case 'sync':
        return void (await drive.sync())
    }
  }

  const performPut = async (device: Device, act: Extract<Act, { verb: 'put' }>): Promise<void> => {
    const number = puts.size
    const put: Put = { text: `content ${number}`, by: device, expected: 'maybe', mayBeGone: false }
    puts.set(number, put)
    const source = textSource(put.text, FIRST_MTIME_MS + number)
    try {
      const result = await device.session.drive.put(source, act.path, { conflict: act.conflict })
      put.expected = result.outcome === 'skipped' ? 'none' : 'kept'
    } catch (error) {
      if (error instanceof ClientError && SENSIBLE.includes(error.code)) put.expected = 'none'
      throw error
    }
  }

  /**
   * Whoever destroys something now may have seen all that is there now, and what their own device, back from a crash,
   * still has to commit; nothing that comes later.
   */
  const noteSeen = async (device: Device): Promise<void> => {
    if ((await device.store.load('pending')) !== null) {
      for (const put of puts.values()) if (put.by === device) put.mayBeGone = true
    }
    const { state } = await readTruth(server, deviceAt(0))
    for (const number of copiesOf(state).keys()) {
      const put = puts.get(number)
      if (put !== undefined) put.mayBeGone = true
    }
  }

  const attempt = async (device: Device, act: Act, mayFail: readonly string[]): Promise<void> => {
    try {
      await perform(device, act)
    } catch (error) {
      const sensible = [...SENSIBLE, ...mayFail, ...(CAN_LOSE.includes(act.verb) ? ['conflict'] : [])]
      if (error instanceof ClientError && sensible.includes(error.code)) return
      throw new Error(`${device.name} could not ${act.verb}: ${String(error)}`, { cause: error })
    }
  }

  for (const act of PROLOGUE) await attempt(deviceAt(0), act, [])
  return {
    async live({ who, act, fault, during }) {
      const device = deviceAt(who)
      const other = deviceAt(who + 1)
      if (fault.kind === 'restart') await device.restart({ loseCache: fault.loseCache })
      let crashed: () => void = () => undefined
      const crash = new Promise<'crashed'>((resolve) => {
        crashed = () => resolve('crashed')
      })
      // The first commit of a process may be what the one before had begun.
      const isFirst = (await device.store.load('pending')) === null
      let committing = false
      device.trouble = troubleOf(fault, {
        crash: crashed,
        appending: () => {
          committing = true
        },
        meanwhile: async () => {
          for (const each of during) await attempt(other, each, [])
          // The first commit was then an earlier one's, which comes before this verb looks at what there is.
          if (!isFirst && (act.verb === 'purge' || act.verb === 'emptyTrash')) await noteSeen(device)
        },
      })
      const before = puts.size
      const mayFail = fault.kind === 'lose' || fault.kind === 'loseAny' ? ['network'] : []
      const end = await Promise.race([attempt(device, act, mayFail), crash])
      device.trouble = null
      if (end !== 'crashed') return
      await device.restart()
      // Whatever was on its way to be committed is finished by the next process.
      const put = act.verb === 'put' && act.conflict !== 'skip' ? puts.get(before) : undefined
      if (isFirst && committing && put !== undefined) put.expected = 'kept'
    },

    async check() {
      for (const device of devices) await device.session.drive.sync()
      // A second round, because the first may have finished what crashed processes had begun.
      for (const device of devices) await device.session.drive.sync()
      devices.push(await openDevice({ server, login, name: 'a new device', seed }))
      for (const device of devices) await device.session.drive.sync()
      const { state, skipped } = await readTruth(server, deviceAt(0))
      expect(skipped).toEqual([])
      const hash = await hashOf(state)
      for (const device of devices) {
        expect([device.name, await storedHash(device)]).toEqual([device.name, hash])
        expect(device.session.leftOutCommits).toBe(0)
        expect(await device.store.load('pending')).toBeNull()
      }
      const references = new Map([...state.references].map(([key, { count }]) => [key, count]))
      expect(await serverReferences(server, state)).toEqual(references)
      expectPuts(state, puts)
      await expectReadable(deviceAt(DEVICES), state, puts)
    },

    async [Symbol.asyncDispose]() {
      for (const device of devices) await device.close()
    },
  }
}

/** Which nodes hold a version of each put, by its number. */
function copiesOf(state: VaultState): Map<number, Set<string>> {
  const copies = new Map<number, Set<string>>()
  for (const [key, node] of state.nodes) {
    for (const version of node.versions) {
      const number = version.mtimeMs - FIRST_MTIME_MS
      copies.set(number, (copies.get(number) ?? new Set()).add(`${key} ${version.contents[0]?.blobId.join()}`))
    }
  }
  return copies
}

function expectPuts(state: VaultState, puts: ReadonlyMap<number, Put>): void {
  const copies = copiesOf(state)
  for (const [number, put] of puts) {
    const there = copies.has(number)
    const what = `${put.text}, ${put.expected}`
    if (put.expected === 'none') expect(there, what).toBe(false)
    if (put.expected === 'kept' && !put.mayBeGone) expect(there, what).toBe(true)
  }
}

/** Reads the newest versions of files that are not in the trash. */
async function expectReadable(device: Device, state: VaultState, puts: ReadonlyMap<number, Put>): Promise<void> {
  let left = 3
  for (const node of state.nodes.values()) {
    const version = currentVersion(node)
    const names = pathOf(state, node.id)
    if (version === null || names === null || isInTrash(state, node.id) || left === 0) continue
    left -= 1
    const parts: Uint8Array[] = []
    for await (const part of device.session.drive.getRange(`/${names.join('/')}`, { offset: 0 })) {
      parts.push(part.slice())
    }
    expect(Buffer.concat(parts).toString()).toBe(puts.get(version.mtimeMs - FIRST_MTIME_MS)?.text)
  }
}

interface Hooks {
  readonly crash: () => void
  /** A commit is about to be sent. */
  readonly appending: () => void
  /** Called once, with the first commit on its way. */
  readonly meanwhile: () => Promise<void>
}

/** What happens to the requests of one step. */
function troubleOf(fault: Fault, hooks: Hooks): Trouble {
  let appends = 0
  let requests = -1
  const die = (): Promise<never> => {
    hooks.crash()
    return new Promise(() => undefined)
  }
  return async (url, request, ask) => {
    requests += 1
    const appending = isAppend(url, request)
    if (appending) {
      hooks.appending()
      appends += 1
      if (appends === 1) await hooks.meanwhile()
    }
    const struck = strikes(fault, { appending, appends, requests })
    if (struck === null) return await ask()
    if (struck === 'crash before') return await die()
    if (struck === 'lose request') throw lostConnection()
    await ask()
    if (struck === 'crash after') return await die()
    throw lostConnection()
  }
}

type Blow = 'crash before' | 'crash after' | 'lose request' | 'lose answer'

function strikes(fault: Fault, at: { appending: boolean; appends: number; requests: number }): Blow | null {
  switch (fault.kind) {
    case 'lose':
      return at.appending && at.appends <= fault.times ? `lose ${fault.what}` : null
    case 'loseAny':
      return at.requests === fault.index ? 'lose answer' : null
    case 'crash':
      return at.appending ? `crash ${fault.when}` : null
    case 'crashAny':
      return at.requests === fault.index ? `crash ${fault.when}` : null
    default:
      return null
  }
}
