import { describe, expect, it } from 'vitest'
import { ClientError } from '../errors.ts'
import { adaptiveFlight, adaptivePace, inPlaces, steadyFlight } from './flight.ts'

const PART = 8 * 1024 * 1024
const MOST = 6

/** Bytes a millisecond that each of so many connections gets. */
type Link = (connections: number) => number

/** A link that any connection can fill. */
const shared =
  (perMs: number): Link =>
  (connections) =>
    perMs / connections
/** A link on which each connection is held back by itself, as by lost packets. */
const heldBack =
  (perMs: number): Link =>
  () =>
    perMs

/** Sends parts over links whose time passes as they do; parts under way as each of them arrived. */
function sender() {
  let nowMs = 0
  const pace = adaptivePace(MOST, { nowMs: () => nowMs, sleep: async () => {} })
  const under: { left: number }[] = []
  const fill = () => {
    while (under.length < pace.limit) under.push({ left: PART })
  }
  return {
    pace,
    send(parts: number, link: Link): number[] {
      return Array.from({ length: parts }, () => {
        fill()
        const each = link(under.length)
        const first = under.reduce((least, part) => (part.left < least.left ? part : least))
        const ms = first.left / each
        nowMs += ms
        for (const part of under) part.left -= ms * each
        const count = under.length
        pace.arrived(PART, count >= pace.limit)
        under.splice(under.indexOf(first), 1)
        return count
      })
    },
  }
}

const middle = (counts: readonly number[]): number => [...counts].sort((a, b) => a - b)[counts.length >> 1] ?? 0

describe('parts under way', () => {
  it('are four where four fill the link', () => {
    const counts = sender().send(200, shared(10_000))
    expect(counts[0]).toBe(4)
    expect(middle(counts)).toBe(4)
  })

  it('become as many as there may be where each connection is held back', () => {
    const counts = sender().send(40, heldBack(500))
    expect(counts[0]).toBe(4)
    expect(counts.slice(-20).every((count) => count === MOST)).toBe(true)
  })

  it('become one where each takes longer than a minute', () => {
    const counts = sender().send(60, shared(100))
    expect(counts.at(-1)).toBe(1)
  })

  it('stay many where connections are slow, each by itself', () => {
    const counts = sender().send(100, heldBack(30))
    expect(middle(counts)).toBe(4)
    expect(Math.min(...counts)).toBe(3)
  })

  it('follow a link whose speed changes', () => {
    const { send } = sender()
    expect(send(60, shared(100)).at(-1)).toBe(1)
    expect(middle(send(100, shared(10_000)).slice(-50))).toBe(4)
    expect(send(60, shared(100)).at(-1)).toBe(1)
  })

  it('are halved by a failure, once for all that were under way, and come back', () => {
    const { pace, send } = sender()
    send(3, shared(10_000))
    for (let failure = 0; failure < 4; failure += 1) pace.failed()
    expect(pace.limit).toBe(2)
    expect(middle(send(100, shared(10_000)).slice(-50))).toBe(4)
  })

  it('teach nothing while fewer are sent than may be', () => {
    const { pace } = sender()
    for (let part = 0; part < 100; part += 1) pace.arrived(PART, false)
    expect(pace.limit).toBe(4)
  })
})

describe('places', () => {
  it('are given in the order of asking', async () => {
    const flight = steadyFlight(1)
    const first = await flight.enter(PART, undefined)
    const came: string[] = []
    const second = flight.enter(PART, undefined).then((place) => {
      came.push('second')
      place.leave()
      place.leave()
    })
    const third = flight.enter(PART, undefined).then(() => came.push('third'))
    first.leave()
    await Promise.all([second, third])
    expect(came).toEqual(['second', 'third'])
    void flight.enter(PART, undefined).then(() => came.push('fourth'))
    await new Promise((done) => setImmediate(done))
    expect(came).toHaveLength(2)
  })

  it('are not lost with who stops waiting', async () => {
    const flight = steadyFlight(1)
    const first = await flight.enter(PART, undefined)
    const stop = new AbortController()
    const waiting = flight.enter(PART, stop.signal)
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' })
    await expect(flight.enter(PART, stop.signal)).rejects.toMatchObject({ code: 'aborted' })
    first.leave()
    await expect(flight.enter(PART, undefined)).resolves.toBeDefined()
  })

  it('count bytes: larger parts are fewer, one that is larger than all of them goes alone', async () => {
    const flight = steadyFlight(4)
    const came: string[] = []
    const enter = (name: string, bytes: number) =>
      flight.enter(bytes, undefined).then((place) => {
        came.push(name)
        return place
      })
    const settle = () => new Promise((done) => setImmediate(done))
    const doubled = await Promise.all([enter('a', 2 * PART), enter('b', 2 * PART)])
    const huge = enter('huge', 8 * PART)
    const small = enter('small', 100)
    await settle()
    expect(came).toEqual(['a', 'b'])
    doubled[0]?.leave()
    await settle()
    expect(came).toHaveLength(2)
    doubled[1]?.leave()
    const alone = await huge
    await settle()
    expect(came).toHaveLength(3)
    alone.leave()
    await small
    expect(came.slice(2)).toEqual(['huge', 'small'])
  })

  it('keep nobody waiting behind a large part that is not wanted any more', async () => {
    const flight = steadyFlight(2)
    const first = await flight.enter(PART, undefined)
    const stop = new AbortController()
    const large = flight.enter(2 * PART, stop.signal)
    const small = flight.enter(PART, undefined)
    stop.abort()
    await expect(large).rejects.toMatchObject({ code: 'aborted' })
    const second = await small
    first.leave()
    second.leave()
  })

  it('are waited for anew after a failure', async () => {
    const flight = adaptiveFlight(MOST, { nowMs: () => 0, sleep: async () => {} })
    const places = await Promise.all(Array.from({ length: 4 }, () => flight.enter(PART, undefined)))
    let isBack = false
    const again = places[0]?.again(undefined).then(() => {
      isBack = true
    })
    places[1]?.leave()
    await Promise.resolve()
    expect(isBack).toBe(false)
    places[2]?.leave()
    await again
    expect(isBack).toBe(true)
  })
})

describe('inPlaces', () => {
  it('runs as many tasks at once as there are places, until nothing is left', async () => {
    let [left, running, most] = [20, 0, 0]
    await inPlaces({ flight: steadyFlight(3), bytes: PART, signal: undefined }, async () => {
      if (left === 0) return false
      left -= 1
      running += 1
      most = Math.max(most, running)
      await new Promise((done) => setImmediate(done))
      running -= 1
      return true
    })
    expect([left, running, most]).toEqual([0, 0, 3])
  })

  it('ends with the first failure, once all have ended, and gives the places back', async () => {
    const flight = steadyFlight(2)
    let count = 0
    const failing = inPlaces({ flight, bytes: PART, signal: undefined }, async () => {
      count += 1
      if (count === 2) throw new ClientError('quota', 'full')
      await new Promise((done) => setImmediate(done))
      return true
    })
    await expect(failing).rejects.toMatchObject({ code: 'quota' })
    expect(count).toBe(2)
    await Promise.all([flight.enter(PART, undefined), flight.enter(PART, undefined)])
  })
})
