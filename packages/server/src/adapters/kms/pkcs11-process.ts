// Talks to an HSM in a process of its own: the vendor's library may block, crash or hang, and only this then ends.
import { KeyManagementError } from '../../ports/index.ts'
import { tokenKeys } from './pkcs11-keys.ts'
import type { TokenAddress, TokenAnswer, TokenCalls, TokenRequest } from './pkcs11-protocol.ts'
import { FinalError, openToken, tokenError } from './pkcs11-token.ts'

let keys: Omit<TokenCalls, 'connect'> | null = null

async function carryOut({ method, parameters }: TokenRequest): Promise<unknown> {
  if (method === 'connect') {
    const address = parameters[0] as TokenAddress
    keys = tokenKeys(await openToken(address), address.object)
    return undefined
  }
  if (keys === null) throw new KeyManagementError('unavailable', 'the token is not open')
  // The parent sends what the interface of these calls asks for.
  const call = keys[method] as (...all: readonly unknown[]) => unknown
  return await call(...parameters)
}

process.on('message', (message) => {
  // Only the parent has the other end of this channel.
  const request = message as TokenRequest
  void (async () => {
    let answer: TokenAnswer
    try {
      answer = { id: request.id, value: await carryOut(request) }
    } catch (thrown) {
      const error = tokenError(thrown)
      const { code, message: line } = error
      answer = { id: request.id, error: { code, message: line, final: error instanceof FinalError } }
    }
    process.send?.(answer, () => {
      // A session that broke does not mend; the next call gets a new process.
      if (answer.error?.code === 'unavailable') process.exit(0)
    })
  })()
})
process.on('disconnect', () => process.exit(0))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
