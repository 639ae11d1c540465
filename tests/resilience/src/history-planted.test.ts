import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type CollectorBuild, collectWith } from './history/faults.ts'
import { buildCollectors, buildServers } from './history/planted.ts'
import { runHistory } from './history/run.ts'
import { openHistoryWorld } from './history/world.ts'

const LIMIT_MS = 15 * 60_000
// The others take as long and show the same.
const always = { servers: ['answers before COMMIT'], collectors: ['ignores open uploads'] }

function chosen<K extends string>(builds: Record<K, unknown>, few: readonly string[]): K[] {
  const names = Object.keys(builds) as K[]
  return process.env.STRONGROOM_SOAK === '1' ? names : names.filter((name) => few.includes(name))
}

const KILLS: Record<keyof typeof buildServers, string> = {
  'answers before COMMIT': 'kill both servers',
  'commits in memory only': 'kill the database',
}

// What a run that finds nothing says, it says because of these.
describe('the history checker', () => {
  it.each(chosen(buildServers, always.servers))(
    'finds out a server that %s',
    async (bug) => {
      await using mutant = await buildServers[bug]()
      await using world = await openHistoryWorld({ entry: fileURLToPath(mutant.main) })
      const kinds = [KILLS[bug]]
      // A device that meets the loss before the run ends stops it: it has been found out by then.
      const told = await runHistory({ world, seed: 3, acts: 120, faults: 5, kinds, accounts: [2, 2] }).then(
        ({ violations }) => violations.join('\n'),
        (error: unknown) => String(error),
      )
      expect(told).toMatch(/an acknowledged commit is lost|but this device has seen commit \d+: it was set back/)
    },
    LIMIT_MS,
  )

  it.each(chosen(buildCollectors, always.collectors))(
    'finds out a collector that %s',
    async (bug) => {
      await using mutant = await buildCollectors[bug]()
      const build = (await import(mutant.main)) as CollectorBuild // What `collector-build` exports.
      await using world = await openHistoryWorld()
      const { violations } = await runHistory({
        world,
        seed: 4,
        acts: 120,
        // Each meets an open upload or does not: small files are open for a moment only.
        faults: 30,
        kinds: ['collect with a clock ahead'],
        accounts: [2, 2, 1],
        collector: (where, aheadMs) => collectWith(build, where, aheadMs),
      })
      expect(violations.join('\n')).toMatch(/live, has no object|is deleted with/)
    },
    LIMIT_MS,
  )
})
