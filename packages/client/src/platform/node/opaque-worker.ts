import { parentPort, workerData } from 'node:worker_threads'
import { answerOpaque } from '../../workers/answer-opaque.ts'
import type { OpaqueMethod, OpaqueRequest } from '../../workers/opaque-protocol.ts'
import { watchMemory } from './opaque-memory.ts'
import { STARTED_AHEAD } from './thread.ts'

const STRETCHING: readonly OpaqueMethod[] = ['finishLogin', 'finishRegistration']

// Entry of the thread in which OPAQUE runs.

// Reason: the package of OPAQUE looks whether there are requests and responses, which would load all of Node's fetch: 10 ms
// of each login. This thread fetches nothing.
Reflect.deleteProperty(globalThis, 'Request')
Reflect.deleteProperty(globalThis, 'Response')
const takeMemory = watchMemory()
let giveBack: (() => void) | null = null
const loading = import('../../session/opaque.ts').then(async ({ inlineOpaque, tryOut }) => {
  // Nobody asks yet: what a proof needs is made ready.
  if (workerData === STARTED_AHEAD) {
    await tryOut()
    giveBack = takeMemory()
  }
  return answerOpaque(inlineOpaque())
})

parentPort?.on('message', async (request: OpaqueRequest) => {
  const answer = await loading
  if (STRETCHING.includes(request.method)) giveBack?.()
  parentPort?.postMessage(await answer(request))
})
