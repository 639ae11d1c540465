import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, randomFrom } from '../harness/random.ts'
import { actOnce, readFile } from './acts.ts'
import { storeViolations } from './audit-store.ts'
import { historyViolations } from './check-history.ts'
import { type HistoryDevice, openHistoryDevice } from './device.ts'
import { type Collector, collectAsBuilt, ENGINE_FAULTS, FAULTS, roughWeather } from './faults.ts'
import { emptyHistory, type History } from './history.ts'
import { putViolations, readTruth } from './truth.ts'
import type { HistoryWorld } from './world.ts'

/** A device to which so much has happened that must not stops. */
const BROKEN_LIMIT = 5

export interface RunOptions {
  readonly world: HistoryWorld
  readonly seed: number
  readonly acts: number
  readonly faults: number
  /** Which faults there are; default all. */
  readonly kinds?: readonly string[]
  readonly collector?: Collector
  /** Devices per account; default four accounts with three, two, two and one. */
  readonly accounts?: readonly number[]
}

/** What a run has shown. */
export interface Verdict {
  /** One line for each thing that must not be. */
  readonly violations: readonly string[]
  readonly acknowledged: number
  readonly faults: ReadonlyMap<string, number>
  readonly ended: ReadonlyMap<string, number>
  readonly history: History
}

/** Lets devices act at random while faults happen, then looks at everything that is left. */
export async function runHistory(options: RunOptions): Promise<Verdict> {
  const { world, seed } = options
  const history = emptyHistory()
  const devices = await openDevices(options, history)
  const random = randomFrom(seed)
  const counter: Counter = { begun: 0, over: false, struck: false }
  const faults = new Map<string, number>()
  for (const device of devices) device.hasten()
  world.weather = roughWeather(randomFrom(seed + 1), 40)
  const lives = Promise.all(
    devices.map((device, index) =>
      live(device, { ...options, history, counter, random: randomFrom(seed + 10 + index) }),
    ),
  ).finally(() => {
    counter.over = true
  })
  const struck = strike({ ...options, devices, counter, struck: faults, random }).finally(() => {
    counter.struck = true
  })
  await Promise.all([lives, struck])
  world.weather = () => null
  const violations = [...history.broken, ...(await settled(options, devices, history))]
  for (const [what, times] of world.failures) violations.push(`a server failed ${times} times: ${what}`)
  for (const device of devices) await device.close()
  const acknowledged = history.sent.filter(({ acknowledgedMs }) => acknowledgedMs !== null).length
  return { violations, acknowledged, faults, ended: history.ended, history }
}

async function openDevices(
  { world, seed, accounts = [3, 2, 2, 1] }: RunOptions,
  history: History,
): Promise<HistoryDevice[]> {
  const devices: HistoryDevice[] = []
  for (const [account, number] of accounts.entries()) {
    for (let device = 0; device < number; device += 1) {
      const login = `history-${seed}-${account}@example.org`
      const name = `${account}.${device}`
      devices.push(await openHistoryDevice({ server: world.url, login, name, history, register: device === 0 }))
    }
  }
  return devices
}

interface Counter {
  /** Acts. */
  begun: number
  /** Whether all faults are over: until then there is something to do. */
  struck: boolean
  /** Whether all devices have ended. */
  over: boolean
}

interface Living extends RunOptions {
  readonly history: History
  readonly counter: Counter
  readonly random: Random
}

async function live(device: HistoryDevice, { acts, history, counter, random }: Living): Promise<void> {
  const isBroken = () => history.broken.filter((line) => line.startsWith(device.name)).length >= BROKEN_LIMIT
  while ((counter.begun < acts || !counter.struck) && !isBroken()) {
    counter.begun += 1
    await Promise.race([actOnce(device, random, history), device.crashed])
  }
}

interface Striking extends RunOptions {
  readonly devices: readonly HistoryDevice[]
  readonly counter: Counter
  readonly struck: Map<string, number>
  readonly random: Random
}

/** Faults at equal distances of acts, one after the other. */
async function strike(options: Striking): Promise<void> {
  const { world, devices, counter, struck, random, acts, collector = collectAsBuilt } = options
  const all = world.engines === null ? FAULTS : { ...FAULTS, ...ENGINE_FAULTS }
  const kinds = options.kinds ?? Object.keys(all)
  for (let number = 1; number <= options.faults; number += 1) {
    while (!counter.over && counter.begun < (number * acts) / (options.faults + 1)) await sleep(10)
    if (counter.over) return
    const kind = kinds[(number + random.below(2)) % kinds.length] ?? ''
    await all[kind]?.({ world, devices, random, collector })
    struck.set(kind, (struck.get(kind) ?? 0) + 1)
  }
}

/** Lets all devices finish what they had begun, and compares everything with everything. */
async function settled({ world }: RunOptions, devices: readonly HistoryDevice[], history: History): Promise<string[]> {
  const violations: string[] = []
  for (const device of devices) {
    await device.session.drive.sync().catch((error) => violations.push(`${device.name} cannot sync: ${error}`))
  }
  const truths = []
  for (const device of new Map(devices.map((each) => [each.login, each])).values()) {
    const fresh = await openHistoryDevice({
      server: world.url,
      login: device.login,
      name: `new ${device.login}`,
      history,
    })
    await fresh.session.drive.sync()
    const entries = fresh.session.drive.listLocal('/', { recursive: true })
    for (const { kind, path } of entries) {
      if (kind !== 'file') continue
      await readFile(fresh, path, history).catch((error) =>
        violations.push(`a committed file cannot be read: ${error}`),
      )
    }
    // Last, because reading may renew what is old.
    const truth = await readTruth(world.pool, fresh)
    truths.push(truth)
    violations.push(...truth.broken)
    const own = history.puts.filter(({ vault }) => vault === device.vault)
    violations.push(...putViolations(truth.state, own))
    await fresh.close()
  }
  violations.push(
    ...historyViolations(
      history,
      truths.map(({ log }) => log),
    ),
  )
  violations.push(
    ...(await storeViolations(
      world.pool,
      world.store,
      truths.map(({ state }) => state),
    )),
  )
  return violations
}
