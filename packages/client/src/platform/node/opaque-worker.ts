import { parentPort } from 'node:worker_threads'
import { answerOpaque } from '../../workers/answer-opaque.ts'
import type { OpaqueRequest } from '../../workers/opaque-protocol.ts'

// Entry of the thread in which OPAQUE runs.
const answer = answerOpaque()

parentPort?.on('message', async (request: OpaqueRequest) => {
  parentPort?.postMessage(await answer(request))
})
