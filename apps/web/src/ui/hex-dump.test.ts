import { describe, expect, it } from 'vitest'
import { hexDump } from './hex-dump.ts'

describe('a dump of bytes', () => {
  it('shows eight in a row, with what can be read of them', () => {
    const bytes = new TextEncoder().encode('Hello, W\n!')
    expect(hexDump(bytes)).toBe('48 65 6c 6c 6f 2c 20 57  Hello, W\n0a 21                    ·!')
  })

  it('of nothing is nothing', () => {
    expect(hexDump(new Uint8Array())).toBe('')
  })
})
