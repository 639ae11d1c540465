import { parentPort, workerData } from 'node:worker_threads'
import { answerOpaque } from '../../workers/answer-opaque.ts'
import type { OpaqueRequest } from '../../workers/opaque-protocol.ts'
import { watchMemory } from './opaque-memory.ts'
import { STARTED_AHEAD } from './thread.ts'

// Entry of the thread in which OPAQUE runs.

// Reason: the package of OPAQUE looks whether there are requests and responses, which would load all of Node's fetch: 10 ms
// of each login. This thread fetches nothing.
Reflect.deleteProperty(globalThis, 'Request')
Reflect.deleteProperty(globalThis, 'Response')
const takeMemory = watchMemory()
const loading = import('../../session/opaque.ts').then(async ({ inlineOpaque, tryOut }) => {
  // Nobody asks yet: what a stretching needs first is made ready.
  if (workerData === STARTED_AHEAD) {
    await tryOut()
    takeMemory()
  }
  return answerOpaque(inlineOpaque())
})

parentPort?.on('message', async (request: OpaqueRequest) => {
  const answer = await loading
  parentPort?.postMessage(await answer(request))
})
