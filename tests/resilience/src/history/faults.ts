import { setTimeout as sleep } from 'node:timers/promises'
import { connectDatabase } from '../../../../packages/server/src/database/connect.ts'
import { collectBlobs } from '../../../../packages/server/src/domain/blobs/collect.ts'
import { sweepStore } from '../../../../packages/server/src/domain/blobs/sweep.ts'
import type { BlobStore } from '../../../../packages/server/src/ports/index.ts'
import type { Trouble } from '../harness/fault-network.ts'
import type { Random } from '../harness/random.ts'
import { clockOffsets, type HistoryDevice } from './device.ts'
import type { Engines, HistoryWorld, Member } from './world.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const HOUR_MS = 60 * 60 * 1000

export interface FaultScene {
  readonly world: HistoryWorld
  readonly devices: readonly HistoryDevice[]
  readonly random: Random
  readonly collector: Collector
}

/** Runs a collection with a clock that is so far ahead. */
export type Collector = (world: HistoryWorld, aheadMs: number) => Promise<void>

/** Something that goes wrong; resolves when it is over and mended. */
export type FaultAct = (scene: FaultScene) => Promise<void>

const TROUBLES: readonly [Trouble, ...Trouble[]] = [
  'refused',
  'cut',
  'lost',
  'torn',
  'twice',
  'late',
  'stall',
  'slow',
  502,
  503,
]

/** A network on which one of so many requests meets trouble. */
export function roughWeather(random: Random, oneOf: number): HistoryWorld['weather'] {
  return () => (random.below(oneOf) === 0 ? random.pick(TROUBLES) : null)
}

async function killServer({ world, random }: FaultScene): Promise<void> {
  const member = random.pick(world.members)
  await member.kill()
  await sleep(random.below(500))
  await member.start()
}

async function killBoth({ world }: FaultScene): Promise<void> {
  await Promise.all(world.members.map((member) => member.kill()))
  await Promise.all(world.members.map((member) => member.start()))
}

async function drainServer({ world, random }: FaultScene): Promise<void> {
  const member = random.pick(world.members)
  await member.drain()
  await member.start()
}

async function killDatabase({ world, random }: FaultScene): Promise<void> {
  await world.database.restart(random.pick(['SIGKILL', 'SIGQUIT'] as const), random.below(800))
}

async function killAll({ world }: FaultScene): Promise<void> {
  await Promise.all([...world.members.map((member) => member.kill()), world.database.restart('SIGKILL')])
  await Promise.all(world.members.map((member) => member.start()))
}

/** Every connection to the database breaks, whatever was under way on it. */
async function breakConnections({ world }: FaultScene): Promise<void> {
  await world.pool
    .query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name LIKE $1',
      ['strongroom%'],
    )
    .catch(() => undefined)
}

async function storm({ world, random }: FaultScene): Promise<void> {
  const before = world.weather
  world.weather = roughWeather(random, 3)
  await sleep(1_000 + random.below(1_500))
  world.weather = before
}

/** One server cannot be reached, and goes on by itself. */
async function partition({ world, random }: FaultScene): Promise<void> {
  const member = random.pick(world.members)
  member.reachable = false
  await sleep(1_000 + random.below(2_000))
  member.reachable = true
}

/** Nobody reaches anything for longer than clients try again. */
async function blackout({ world }: FaultScene): Promise<void> {
  const before = world.weather
  world.weather = () => 'refused'
  await sleep(2_500)
  world.weather = before
}

async function freezeServer({ world, random }: FaultScene): Promise<void> {
  const member = random.pick(world.members)
  process.kill(member.pid, 'SIGSTOP')
  await sleep(1_000 + random.below(1_500))
  process.kill(member.pid, 'SIGCONT')
}

async function crashClient({ devices, random }: FaultScene): Promise<void> {
  const [first, ...rest] = devices
  if (first !== undefined) await random.pick([first, ...rest]).crash()
}

/** A server whose clock is ahead by more than every grace collects what it takes for left behind. */
async function collectAhead({ world, collector }: FaultScene): Promise<void> {
  await collector(world, 40 * DAY_MS)
}

/** The clock of a client is off from now on. */
async function skewClient({ devices, random }: FaultScene): Promise<void> {
  const [first, ...rest] = devices
  if (first === undefined) return
  const { name } = random.pick([first, ...rest])
  clockOffsets.set(name, random.pick([-100 * DAY_MS, -HOUR_MS, HOUR_MS, 100 * DAY_MS, 0]))
}

/** What only engines of their own can do; nothing in an embedded world. */
async function withEngines({ world }: FaultScene, act: (engines: Engines) => Promise<void> | void): Promise<void> {
  if (world.engines !== null) await act(world.engines)
}

async function storeStorm(scene: FaultScene): Promise<void> {
  await withEngines(scene, async (engines) => {
    engines.storeWeather = roughWeather(scene.random, 3)
    await sleep(1_500 + scene.random.below(1_500))
    engines.storeWeather = () => null
  })
}

async function storeGone(scene: FaultScene): Promise<void> {
  const trouble = scene.random.pick<Trouble>(['refused', 'stall', 503])
  await withEngines(scene, async (engines) => {
    engines.storeWeather = () => trouble
    await sleep(2_000)
    engines.storeWeather = () => null
  })
}

async function keysFail(scene: FaultScene): Promise<void> {
  const { random } = scene
  await withEngines(scene, async ({ kms }) => {
    const faults = ['throttle', 'internal', 'down', 'stall', 'slow-body', 'reset', 'lost', 'half', 'garbage'] as const
    for (let times = 0; times < 4; times += 1) kms.fail({ fault: random.pick(faults), count: 3 })
    // Nobody keeps a key in memory then.
    await Promise.all(scene.world.members.map((member) => member.kill()))
    await Promise.all(scene.world.members.map(startSoon))
    kms.heal()
  })
}

/** A server does not start without its keys; whoever runs it starts it again. */
async function startSoon(member: Member): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const failure = await member.start().then(
      () => null,
      (error: unknown) => ({ error }),
    )
    if (failure === null) return
    if (attempt === 10) throw failure.error
  }
}

async function wireCut(scene: FaultScene): Promise<void> {
  await withEngines(scene, ({ wire }) => wire.cut())
}

async function wireHangs(scene: FaultScene): Promise<void> {
  await withEngines(scene, async ({ wire }) => {
    await wire.hang(1_000 + scene.random.below(2_000))
    if (scene.random.below(2) === 0) wire.cut()
  })
}

async function wireRefuses(scene: FaultScene): Promise<void> {
  await withEngines(scene, async ({ wire }) => {
    wire.refusing = true
    wire.cut()
    await sleep(1_500)
    wire.refusing = false
  })
}

/** By name; only where there are such engines. */
export const ENGINE_FAULTS: Readonly<Record<string, FaultAct>> = {
  'store storm': storeStorm,
  'store gone': storeGone,
  'key service fails': keysFail,
  'cut the way to the database': wireCut,
  'hang the way to the database': wireHangs,
  'close the way to the database': wireRefuses,
}

/** By name, so that a run can say what it has seen. */
export const FAULTS: Readonly<Record<string, FaultAct>> = {
  'kill a server': killServer,
  'kill both servers': killBoth,
  'drain a server': drainServer,
  'kill the database': killDatabase,
  'kill everything': killAll,
  'break connections to the database': breakConnections,
  storm,
  partition,
  blackout,
  'freeze a server': freezeServer,
  'crash a client': crashClient,
  'collect with a clock ahead': collectAhead,
  'skew a client': skewClient,
}

/** The product's collector. */
export const collectAsBuilt: Collector = (world, aheadMs) => collectWith({ collectBlobs, sweepStore }, world, aheadMs)

/** What a build of the collector exports. */
export interface CollectorBuild {
  readonly collectBlobs: typeof collectBlobs
  readonly sweepStore: typeof sweepStore
}

export async function collectWith(build: CollectorBuild, world: HistoryWorld, aheadMs: number): Promise<void> {
  const silent = () => undefined
  const database = connectDatabase({ connectionString: world.databaseUrl, max: 4 }, silent)
  const deps = {
    database,
    // Nothing here asks for a URL.
    store: world.store as BlobStore,
    clock: { nowMs: () => Date.now() + aheadMs },
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    retention: { graceMs: 7 * DAY_MS, uploadIdleMs: 7 * DAY_MS },
  }
  const lease = { step: async () => undefined }
  try {
    await build.collectBlobs(deps, lease)
    await build.sweepStore(deps, lease)
  } finally {
    await database.destroy()
  }
}
