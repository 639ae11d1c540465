import { type CryptoEngine, equalBytes } from '@strongroom/crypto'
import { type ChainState, type Verifier, verifyCommit } from '@strongroom/vault'
import { beforeAll, describe, expect, it } from 'vitest'
import { change, engine, forge, foundVault, person, type TestVault } from '../../../vault/src/testing/vault.ts'
import { signaturesAhead } from './signatures.ts'

let vault: TestVault
let start: ChainState
/** Three commits that follow each other, and what the chain is before each. */
let commits: Uint8Array[]
let chains: ChainState[]

beforeAll(async () => {
  vault = await foundVault()
  start = vault.genesis.next
  ;[commits, chains] = [[], []]
  let state = start
  for (let count = 0; count < 3; count += 1) {
    const bytes = await forge({ vault, state, author: vault.founder })
    commits.push(bytes)
    chains.push(state)
    state = (await check(state, bytes, engine)).next
  }
})

const check = (state: ChainState, bytes: Uint8Array, verifier: Verifier) =>
  verifyCommit({ hasher: engine, verifier, state, bytes })

/** The engine, and how often it was asked. */
function counting(): { counted: CryptoEngine; asked: () => number } {
  let asked = 0
  const counted: CryptoEngine = {
    ...engine,
    ed25519Verify(...question) {
      asked += 1
      return engine.ed25519Verify(...question)
    },
  }
  return { counted, asked: () => asked }
}

const chainAt = (index: number): ChainState => chains[index] ?? start
const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))

describe('signatures that are checked ahead', () => {
  it('are all asked for at once, and each of them once', async () => {
    const { counted, asked } = counting()
    const verifierOf = signaturesAhead(counted, commits, start.members)
    await check(chainAt(0), commits[0] ?? new Uint8Array(), verifierOf(commits[0] ?? new Uint8Array()))
    expect(asked()).toBe(3)
    for (const [index, bytes] of commits.entries()) await check(chainAt(index), bytes, verifierOf(bytes))
    expect(asked()).toBe(3)
  })

  it('are refused in their turn, be it the signature or what was signed that differs', async () => {
    for (const at of [276, 300, 339]) {
      const page = commits.map((bytes, index) => (index === 1 ? changed(bytes, at) : bytes))
      const verifierOf = signaturesAhead(engine, page, start.members)
      for (const [index, bytes] of page.entries()) {
        const verified = check(chainAt(index), bytes, verifierOf(bytes))
        if (index === 1) await expect(verified).rejects.toMatchObject({ code: 'signature_invalid' })
        else await verified
      }
    }
  })

  it('count for the key that the member has by then', async () => {
    const other = await person(7)
    const card = { ...vault.founder, publicKey: other.publicKey }
    const section = { members: [change(card, 'owner', 'active')] }
    const rekeyed = await forge({ vault, state: start, author: vault.founder, section })
    const { next } = await check(start, rekeyed, engine)
    expect(equalBytes(next.members[0]?.publicKey ?? new Uint8Array(), other.publicKey)).toBe(true)
    const old = await forge({ vault, state: next, author: vault.founder })
    const fresh = await forge({ vault, state: next, author: { ...vault.founder, seed: other.seed } })
    const verifierOf = signaturesAhead(engine, [rekeyed, old, fresh], start.members)
    await check(start, rekeyed, verifierOf(rekeyed))
    await expect(check(next, old, verifierOf(old))).rejects.toMatchObject({ code: 'signature_invalid' })
    await check(next, fresh, verifierOf(fresh))
  })

  it('of what is no commit, or of no member, are told like any other', async () => {
    const stranger = await forge({ vault, state: start, author: await person(9) })
    const page = [new Uint8Array(20), stranger]
    const verifierOf = signaturesAhead(engine, page, start.members)
    await expect(check(start, new Uint8Array(20), verifierOf(page[0] ?? stranger))).rejects.toMatchObject({
      code: 'commit_malformed',
    })
    await expect(check(start, stranger, verifierOf(stranger))).rejects.toMatchObject({ code: 'author_not_allowed' })
  })
})
