import { expect, it } from 'vitest'
import { watchMemory } from './opaque-memory.ts'

/** A registration at the only server there is here: its parts are ristretto255's base point. */
const ANSWER = '4vKuCmq8TnGohKlhxQBRX1jjC2qlgt2NtqZZReCNLXbi8q4KarxOcaiEqWHFAFFfWOMLaqWC3Y22pllF4I0tdg'

it('takes the memory of a stretching, which finds it there', async () => {
  let memory: WebAssembly.Memory | undefined
  const { instantiate } = WebAssembly
  WebAssembly.instantiate = (async (...input: Parameters<typeof instantiate>) => {
    const made = await instantiate(...input)
    // Node's own fetch makes one as well. The cast: what OPAQUE's has by this name is its memory.
    const { exports } = made as unknown as WebAssembly.Instance
    if ('startClientLogin' in exports) memory = exports.memory as WebAssembly.Memory
    return made
  }) as typeof instantiate
  let spare = 0
  const take = watchMemory(() => spare)
  expect(take()).toBeNull()
  const { client, ready } = await import('@serenity-kit/opaque')
  await ready
  const size = () => memory?.buffer.byteLength ?? 0
  const stretch = () => {
    const { clientRegistrationState } = client.startRegistration({ password: 'a' })
    const keyStretching = { 'argon2id-custom': { iterations: 1, memory: 65_536, parallelism: 4 } } as const
    client.finishRegistration({ password: 'a', clientRegistrationState, registrationResponse: ANSWER, keyStretching })
  }
  expect(take()).toBeNull()
  expect(size()).toBeLessThan(2 ** 22)
  spare = 2 ** 30
  const giveBack = take()
  const taken = size()
  expect(taken).toBeGreaterThan(2 ** 26)
  giveBack?.()
  giveBack?.()
  stretch()
  expect(size()).toBe(taken)
})
