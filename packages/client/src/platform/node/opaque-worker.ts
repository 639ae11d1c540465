import { parentPort } from 'node:worker_threads'
import { answerOpaque } from '../../workers/answer-opaque.ts'
import type { OpaqueRequest } from '../../workers/opaque-protocol.ts'

// Entry of the thread in which OPAQUE runs.

// Reason: the package of OPAQUE looks whether there are requests and responses, which would load all of Node's fetch: 10 ms
// of each login. This thread fetches nothing.
Reflect.deleteProperty(globalThis, 'Request')
Reflect.deleteProperty(globalThis, 'Response')
const loading = import('../../session/opaque.ts').then(({ inlineOpaque }) => answerOpaque(inlineOpaque()))

parentPort?.on('message', async (request: OpaqueRequest) => {
  const answer = await loading
  parentPort?.postMessage(await answer(request))
})
