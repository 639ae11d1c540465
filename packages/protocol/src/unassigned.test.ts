import { describe, expect, it } from 'vitest'
import { isUnassigned } from './unassigned.ts'

describe('unassigned code points', () => {
  it('are those of Unicode 15.0, whatever the runtime knows', () => {
    for (const code of [0x41, 0x20ac, 0x1f6dc, 0x11f00, 0x31350, 0x10fffd]) expect(isUnassigned(code)).toBe(false)
    for (const code of [0x2ffc, 0x2ebf0, 0x1c89, 0x105c0, 0x378, 0xffff, 0x10ffff])
      expect(isUnassigned(code)).toBe(true)
  })

  it('are as many as 15.0 leaves open', () => {
    let open = 0
    for (let code = 0; code <= 0x10ffff; code += 1) if (isUnassigned(code)) open += 1
    // Characters, controls, private ones and surrogates are the rest.
    expect(0x110000 - open).toBe(149_186 + 65 + 137_468 + 2048)
  })
})
