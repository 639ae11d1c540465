import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTestServer } from '../../../packages/server/src/testing/test-server.ts'
import { assertion, TIMEOUT_MS } from './runs.ts'
import { step } from './steps.ts'
import { beginStory } from './story.ts'

test('devices that crash, lose answers and meet converge, lose nothing and do nothing twice', {
  timeout: TIMEOUT_MS,
}, async () => {
  let stories = 0
  const steps = fc.array(step, { minLength: 10, maxLength: 30, size: 'max' })
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (all, seed) => {
      stories += 1
      // Each on its own, so that its ids may be those of the last run.
      const server = await createTestServer()
      try {
        await using story = await beginStory(server, 'someone@example.org', String(seed))
        for (const each of all) await story.live(each)
        await story.check()
      } finally {
        await server.close()
      }
    }),
    assertion({ sample: 10, soak: 1500 }),
  )
  expect(stories).toBeGreaterThan(0)
})
