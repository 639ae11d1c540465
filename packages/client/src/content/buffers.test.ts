import { describe, expect, it } from 'vitest'
import { sharedPools } from './buffers.ts'

/** Pools whose buffers are counted. */
function counted() {
  const made: ArrayBuffer[] = []
  const make = (size: number): ArrayBuffer => {
    const buffer = new ArrayBuffer(size)
    made.push(buffer)
    return buffer
  }
  const pools = sharedPools(make)
  /** A content that writes into one buffer, gives it back and ends. */
  const use = (size: number): void => {
    const { pool, close } = pools.open(size)
    const bytes = pool.take(size)
    bytes.fill(7)
    pool.give(bytes)
    close()
  }
  return { made, pools, use }
}

describe('pools that contents share', () => {
  it('forget what nobody uses, wiped', () => {
    const { made, use } = counted()
    use(16)
    use(16)
    expect(made).toHaveLength(2)
    expect(made.map((buffer) => [...new Uint8Array(buffer)])).toEqual([Array(16).fill(0), Array(16).fill(0)])
  })

  it('have it lie ready, wiped, for as long as somebody asks for that', () => {
    const { made, pools, use } = counted()
    const first = pools.keep()
    const second = pools.keep()
    use(16)
    expect([...new Uint8Array(made[0] ?? new ArrayBuffer(1))]).toEqual(Array(16).fill(0))
    first()
    use(16)
    expect(made).toHaveLength(1)
    second()
    use(16)
    expect(made).toHaveLength(2)
  })

  it('have one size at a time lie ready', () => {
    const { made, pools, use } = counted()
    const letGo = pools.keep()
    use(16)
    use(32)
    use(16)
    expect(made.map(({ byteLength }) => byteLength)).toEqual([16, 32, 16])
    letGo()
  })

  it('leave alone what another content still uses', () => {
    const { made, pools, use } = counted()
    const letGo = pools.keep()
    const other = pools.open(16)
    const bytes = other.pool.take(16)
    bytes.fill(7)
    use(32)
    letGo()
    const third = pools.open(16)
    expect(third.pool).toBe(other.pool)
    third.close()
    expect([...bytes]).toEqual(Array(16).fill(7))
    other.pool.give(bytes)
    other.close()
    expect([...bytes]).toEqual(Array(16).fill(0))
    expect(made).toHaveLength(2)
  })
})
