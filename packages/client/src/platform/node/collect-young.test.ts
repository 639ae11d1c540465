import { expect, it, vi } from 'vitest'
import { collectYoung } from './collect-young.ts'

const MIB = 1024 * 1024

it('gives back the memory of buffers that nobody has any more', async () => {
  collectYoung()
  const held = () => process.memoryUsage().arrayBuffers
  const before = held()
  for (let count = 0; count < 24; count += 1) Buffer.allocUnsafeSlow(MIB).fill(1)
  const after = held()
  expect(after - before).toBeGreaterThan(16 * MIB)
  collectYoung()
  // V8 frees it in a thread of its own since Node 22.
  await vi.waitFor(() => expect(held() - before).toBeLessThan(4 * MIB))
})
