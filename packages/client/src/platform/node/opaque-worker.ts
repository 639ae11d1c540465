import { parentPort } from 'node:worker_threads'
import { loadedOpaque } from '../../session/loaded-opaque.ts'
import { answerOpaque } from '../../workers/answer-opaque.ts'
import type { OpaqueRequest } from '../../workers/opaque-protocol.ts'

// Entry of the thread in which OPAQUE runs.

// Reason: the package of OPAQUE looks whether there are requests and responses, which would load all of Node's fetch: 10 ms
// of each login. This thread fetches nothing.
Reflect.deleteProperty(globalThis, 'Request')
Reflect.deleteProperty(globalThis, 'Response')
const answer = answerOpaque(loadedOpaque())

parentPort?.on('message', async (request: OpaqueRequest) => {
  parentPort?.postMessage(await answer(request))
})
