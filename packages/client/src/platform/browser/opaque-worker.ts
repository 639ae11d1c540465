import { inlineOpaque } from '../../session/opaque.ts'
import { answerOpaque } from '../../workers/answer-opaque.ts'
import type { OpaqueRequest } from '../../workers/opaque-protocol.ts'

/** The worker in which a page's passwords are stretched; to be called by its script. */
export function serveOpaque(): void {
  const answer = answerOpaque(inlineOpaque())
  self.onmessage = async ({ data }: MessageEvent<OpaqueRequest>) => {
    self.postMessage(await answer(data))
  }
}
