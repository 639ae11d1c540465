import { describe, expect, it } from 'vitest'
import { flushEarly } from './flush-early.ts'

const MIB = 1024 * 1024

interface Flush {
  readonly end: () => void
  readonly refuse: (error: Error) => void
}

/** A file whose flushes end when the test says so. */
function slowDisk() {
  const flushes: Flush[] = []
  const datasync = () => new Promise<void>((end, refuse) => flushes.push({ end, refuse }))
  return { flushes, datasync }
}

describe('flushing early', () => {
  it('leaves a short file alone', async () => {
    const disk = slowDisk()
    const early = flushEarly(disk)
    for (let written = 0; written < 24; written += 8) early.wrote(8 * MIB)
    await early.settled()
    expect(disk.flushes).toHaveLength(0)
  })

  it('has one flush under way at a time, and waits for it', async () => {
    const disk = slowDisk()
    const early = flushEarly(disk)
    for (let written = 0; written < 128; written += 8) early.wrote(8 * MIB)
    expect(disk.flushes).toHaveLength(1)
    let isSettled = false
    const settled = early.settled().then(() => {
      isSettled = true
    })
    await Promise.resolve()
    expect(isSettled).toBe(false)
    disk.flushes[0]?.end()
    await settled
    early.wrote(8 * MIB)
    expect(disk.flushes).toHaveLength(2)
  })

  it('tells at the end that the disk refused one, and asks for no more', async () => {
    const disk = slowDisk()
    const early = flushEarly(disk)
    early.wrote(32 * MIB)
    disk.flushes[0]?.refuse(new Error('EIO'))
    await expect(early.settled()).rejects.toThrow('EIO')
    early.wrote(64 * MIB)
    expect(disk.flushes).toHaveLength(1)
    await expect(early.settled()).rejects.toThrow('EIO')
  })
})
