import { ServerProcess } from '../../tests/e2e/src/journeys/server-process.ts'
import { timed } from '../measure.ts'
import type { Suite } from './suite.ts'

export const start: Suite = {
  title: 'Start of the server, until it is ready',
  async run({ full, quick }) {
    const first: number[] = []
    const again: number[] = []
    const killed: number[] = []
    // Reason: the first start in a process builds the server.
    await (await ServerProcess.start())[Symbol.asyncDispose]()
    for (let run = 0; run < (full ? 7 : quick ? 1 : 3); run += 1) {
      let started: ServerProcess | null = null
      first.push(
        await timed(async () => {
          started = await ServerProcess.start()
        }),
      )
      if (started === null) continue
      await using server: ServerProcess = started
      await server.stop()
      again.push(await timed(() => server.startAgain()))
      await server.kill()
      killed.push(await timed(() => server.startAgain()))
    }
    const shared = { by: 'strongroom', unit: 'ms' as const }
    return [
      { ...shared, task: 'first start, empty data folder (embedded PostgreSQL made)', samples: first },
      { ...shared, task: 'start after a stop', samples: again },
      { ...shared, task: 'start after kill -9', samples: killed },
    ]
  },
}
