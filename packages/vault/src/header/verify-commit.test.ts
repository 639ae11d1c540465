import { encode } from 'cborg'
import { beforeAll, describe, expect, test } from 'vitest'
import { readBody } from '../log/body.ts'
import { buildCommit } from '../log/build-commit.ts'
import type { Operation } from '../log/operations.ts'
import {
  change,
  engine,
  epochChange,
  forge,
  foundVault,
  type Person,
  person,
  type TestVault,
  verify,
  wrap,
} from '../testing/vault.ts'
import { decodeCbor } from './cbor.ts'
import { decodeChainState, encodeChainState } from './chain-state.ts'
import type { CommitHeader } from './commit-header.ts'
import { HEADER_LENGTH } from './limits.ts'
import { decodeSection, encodeSection, type Section } from './section.ts'
import type { ChainState } from './verify-commit.ts'

let vault: TestVault
let founder: Person
let writer: Person
let reader: Person
let state: ChainState

const RECORD = { op: 'record', type: 'setting', key: new Uint8Array(1), value: new Uint8Array(1) } satisfies Operation

/** The chain after a commit that must be right. */
async function extend(from: ChainState, author: Person, section: Partial<Section>): Promise<ChainState> {
  return (await verify(from, await forge({ vault, state: from, author, section }))).next
}

/** Founder active, writer and reader active. */
async function withMembers(): Promise<ChainState> {
  const invited = await extend(state, founder, {
    members: [
      change(writer, 'writer', 'invited', { wrap: wrap(2) }),
      change(reader, 'reader', 'invited', { wrap: wrap(3) }),
    ],
  })
  const one = await extend(invited, writer, { members: [change(writer, 'writer', 'active')] })
  return extend(one, reader, { members: [change(reader, 'reader', 'active')] })
}

beforeAll(async () => {
  vault = await foundVault()
  founder = vault.founder
  writer = await person(2)
  reader = await person(3)
  state = vault.genesis.next
})

const refuses = (code: string) => expect.objectContaining({ name: 'VaultError', code })

describe('a commit', () => {
  test('that was built verifies, opens and extends the chain', async () => {
    const built = await buildCommit(engine, {
      state,
      author: founder,
      logKey: vault.logKey,
      operations: [RECORD],
      references: { added: [], released: [] },
      changeId: new Uint8Array(16),
      timeMs: -1,
    })
    const verified = await verify(state, built.bytes)
    expect(verified.next).toEqual(built.next)
    expect(verified.next.head).toEqual({ seq: 1, hash: built.hash })
    expect(verified.header.timeMs).toBe(-1)
    expect(await readBody(engine, vault.logKey, verified.header, verified.sealedBody)).toEqual([RECORD])
    const other = { ...verified.header, seq: 2 }
    expect(await readBody(engine, vault.logKey, other, verified.sealedBody)).toBeNull()
    const wiped = vault.logKey.clone()
    wiped.dispose()
    await expect(readBody(engine, wiped, verified.header, verified.sealedBody)).rejects.toBeDefined()
  })

  test('too large for the limits is not built', async () => {
    const value = new Uint8Array(60_000)
    const operations = Array.from(
      { length: 18 },
      (_, index): Operation => ({ ...RECORD, key: Uint8Array.of(index), value }),
    )
    const input = { state, author: founder, logKey: vault.logKey, changeId: new Uint8Array(16), timeMs: 0 }
    const references = { added: [], released: [] }
    await expect(buildCommit(engine, { ...input, operations, references })).rejects.toEqual(refuses('limits_exceeded'))
    const fewer = operations.slice(0, 16)
    await expect(buildCommit(engine, { ...input, operations: fewer, references })).resolves.toBeDefined()
  })

  test('is refused with any bit of header or signature flipped', async () => {
    const bytes = await forge({ vault, state, author: founder, operations: [RECORD] })
    for (let bit = 0; bit < (HEADER_LENGTH + 64) * 8; bit += 1) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await expect(verify(state, changed), `bit ${bit}`).rejects.toMatchObject({ name: 'VaultError' })
    }
  })

  test('is refused with any byte of section or body changed', async () => {
    const bytes = await forge({ vault, state, author: founder, operations: [RECORD] })
    for (let at = HEADER_LENGTH + 64; at < bytes.length; at += 1) {
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x40
      await expect(verify(state, changed), `byte ${at}`).rejects.toMatchObject({ name: 'VaultError' })
    }
  })

  test('is refused when cut or extended', async () => {
    const bytes = await forge({ vault, state, author: founder })
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(verify(state, bytes.subarray(0, length))).rejects.toEqual(refuses('commit_malformed'))
    }
    await expect(verify(state, new Uint8Array([...bytes, 0]))).rejects.toEqual(refuses('commit_malformed'))
  })

  test('of another version, suite or flag asks for an upgrade', async () => {
    const bytes = await forge({ vault, state, author: founder })
    for (const [at, value] of [
      [3, 0x32],
      [4, 2],
      [5, 4],
    ] as const) {
      const changed = bytes.slice()
      changed[at] = value
      await expect(verify(state, changed)).rejects.toEqual(refuses('upgrade_required'))
    }
  })

  test('must follow the head of its vault', async () => {
    const bytes = await forge({ vault, state, author: founder })
    const next = (await verify(state, bytes)).next
    await expect(verify(next, bytes)).rejects.toEqual(refuses('chain_broken'))
    const wrong: Partial<CommitHeader>[] = [
      { seq: 2 },
      { seq: 0 },
      { prev: new Uint8Array(32) },
      { vaultId: new Uint8Array(16) },
    ]
    for (const header of wrong) {
      const forged = await forge({ vault, state, author: founder, header })
      await expect(verify(state, forged)).rejects.toEqual(refuses('chain_broken'))
    }
    await expect(verify(null, bytes)).rejects.toEqual(refuses('chain_broken'))
    await expect(verify(state, vault.genesis.bytes)).rejects.toEqual(refuses('chain_broken'))
  })

  test('must be signed by who it names, under the card in the table', async () => {
    const stranger = await person(7)
    const code = refuses('author_not_allowed')
    await expect(verify(state, await forge({ vault, state, author: stranger }))).rejects.toEqual(code)
    const oldCard = { ...founder, cardHash: new Uint8Array(32) }
    await expect(verify(state, await forge({ vault, state, author: oldCard }))).rejects.toEqual(code)
    const impostor = { ...founder, seed: stranger.seed }
    await expect(verify(state, await forge({ vault, state, author: impostor }))).rejects.toEqual(
      refuses('signature_invalid'),
    )
  })

  test('must be of the vault’s epoch', async () => {
    for (const epoch of [0, 2]) {
      const bytes = await forge({ vault, state, author: founder, header: { epoch } })
      await expect(verify(state, bytes)).rejects.toEqual(refuses('epoch_wrong'))
    }
  })

  test('must have flags and members hash that fit', async () => {
    const flags = await forge({ vault, state, author: founder, header: { membership: true } })
    await expect(verify(state, flags)).rejects.toEqual(refuses('flags_wrong'))
    const members = await forge({ vault, state, author: founder, header: { membersHash: new Uint8Array(32) } })
    await expect(verify(state, members)).rejects.toEqual(refuses('members_mismatch'))
  })

  test('must have a sealed body', async () => {
    for (const [length, version, code] of [
      [328, 1, 'commit_malformed'],
      [400, 2, 'upgrade_required'],
      [57 + 16_384 + 17, 1, 'commit_malformed'],
    ] as const) {
      const sealedBody = new Uint8Array(length)
      sealedBody[0] = version
      const bytes = await forge({ vault, state, author: founder, sealedBody })
      await expect(verify(state, bytes)).rejects.toEqual(refuses(code))
    }
  })
})

describe('genesis', () => {
  test('verifies without a state', async () => {
    const { next, header } = await verify(null, vault.genesis.bytes)
    expect(next).toEqual(state)
    expect(header.epoch).toBe(1)
    expect(next.members).toHaveLength(1)
  })

  test('is refused when any of its rules is broken', async () => {
    const { section } = vault.genesis
    const [row] = section.members
    if (row === undefined || section.epochChange === null) throw new Error('genesis has both')
    const before: ChainState = { vaultId: vault.vaultId, head: null, epoch: 1, members: [] }
    const wrong: Partial<Section>[] = [
      { genesis: null },
      { epochChange: null },
      { members: [] },
      { members: [row, change(writer, 'writer', 'invited')] },
      { members: [{ ...row, role: 'writer' }] },
      { members: [{ ...row, state: 'invited' }] },
      { members: [{ ...row, wrap: wrap(1) }] },
      { members: [{ ...row, accountId: writer.accountId }] },
      { members: [{ ...row, cardHash: new Uint8Array(32) }] },
      { genesis: { founderCardHash: founder.cardHash, random: new Uint8Array(32) } },
      { genesis: { founderCardHash: new Uint8Array(32), random: new Uint8Array(32) } },
      { added: [{ blobId: new Uint8Array(16), count: 1, sourceVault: null }] },
      { epochChange: { ...section.epochChange, sealedPreviousKey: (await epochChange(vault, [])).sealedPreviousKey } },
    ]
    for (const [index, part] of wrong.entries()) {
      const bytes = await forge({ vault, state: before, author: founder, section: { ...section, ...part } })
      await expect(verify(null, bytes), `case ${index}`).rejects.toEqual(refuses('genesis_invalid'))
    }
    const wraps = { ...section.epochChange, wraps: [] }
    const bytes = await forge({ vault, state: before, author: founder, section: { ...section, epochChange: wraps } })
    await expect(verify(null, bytes)).rejects.toEqual(refuses('epoch_wrong'))
    const later = await forge({ vault, state, author: founder, section: { genesis: section.genesis } })
    await expect(verify(state, later)).rejects.toEqual(refuses('genesis_invalid'))
  })
})

describe('members', () => {
  test('are invited with a wrap, accept themselves, and are sorted', async () => {
    const chain = await withMembers()
    expect(chain.members.map((member) => [member.role, member.state])).toEqual([
      ['owner', 'active'],
      ['writer', 'active'],
      ['reader', 'active'],
    ])
    expect(decodeChainState(encodeChainState(chain))).toEqual(chain)
  })

  test('have the rights of their roles', async () => {
    const chain = await withMembers()
    const write = (author: Person, section: Partial<Section> = {}, header = {}) =>
      forge({ vault, state: chain, author, section, header }).then((bytes) => verify(chain, bytes))
    await write(writer)
    await expect(write(reader)).rejects.toEqual(refuses('author_not_allowed'))
    const invite = { members: [change(await person(4), 'reader', 'invited', { wrap: wrap(4) })] }
    await expect(write(writer, invite)).rejects.toEqual(refuses('author_not_allowed'))
    const epoch = { epochChange: await epochChange(vault, [founder, writer, reader]) }
    await expect(write(writer, epoch)).rejects.toEqual(refuses('author_not_allowed'))
    const checkpointHash = new Uint8Array(32).fill(1)
    await expect(write(writer, {}, { checkpointHash })).rejects.toEqual(refuses('checkpoint_invalid'))
    await write(founder, {}, { checkpointHash })
    await expect(write(founder, invite, { checkpointHash })).rejects.toEqual(refuses('checkpoint_invalid'))
  })

  test('invited ones may only accept or decline', async () => {
    const invited = await extend(state, founder, { members: [change(writer, 'writer', 'invited', { wrap: wrap(2) })] })
    const bytes = await forge({ vault, state: invited, author: writer })
    await expect(verify(invited, bytes)).rejects.toEqual(refuses('author_not_allowed'))
    const declined = await extend(invited, writer, { members: [change(writer, 'writer', 'removed')] })
    expect(declined.members).toHaveLength(1)
    const after = await forge({ vault, state: declined, author: writer })
    await expect(verify(declined, after)).rejects.toEqual(refuses('author_not_allowed'))
  })

  test('may change their own card, under the card before', async () => {
    const chain = await withMembers()
    const successor = { ...(await person(30)), accountId: reader.accountId }
    const next = await extend(chain, reader, { members: [change(successor, 'reader', 'active')] })
    await expect(
      forge({ vault, state: next, author: reader, section: { members: [change(reader, 'reader', 'active')] } }).then(
        (bytes) => verify(next, bytes),
      ),
    ).rejects.toEqual(refuses('author_not_allowed'))
    await extend(next, successor, { members: [change(successor, 'reader', 'removed')] })
  })

  test('are changed only by the rules', async () => {
    const chain = await withMembers()
    const fourth = await person(4)
    const small = new Uint8Array(32)
    small[0] = 1
    const cases: [Person, Partial<Section>, string][] = [
      [founder, { members: [change(fourth, 'reader', 'active', { wrap: wrap(1) })] }, 'member_change_invalid'],
      [founder, { members: [change(fourth, 'reader', 'invited')] }, 'member_change_invalid'],
      [founder, { members: [change(fourth, 'reader', 'removed')] }, 'member_change_invalid'],
      [founder, { members: [change(fourth, 'reader', 'invited', { wrap: wrap(1), publicKey: small })] }, 'key_refused'],
      [founder, { members: [change(writer, 'writer', 'removed')] }, 'member_change_invalid'],
      [founder, { members: [change(writer, 'writer', 'active')] }, 'member_change_invalid'],
      [founder, { members: [change(writer, 'writer', 'invited')] }, 'member_change_invalid'],
      [founder, { members: [change(writer, 'reader', 'active', { wrap: wrap(1) })] }, 'member_change_invalid'],
      [
        founder,
        { members: [change({ ...writer, publicKey: fourth.publicKey }, 'writer', 'active')] },
        'member_change_invalid',
      ],
      [founder, { members: [change(founder, 'owner', 'removed')] }, 'member_change_invalid'],
      [founder, { members: [change(founder, 'writer', 'active')] }, 'member_change_invalid'],
      [writer, { members: [change(writer, 'owner', 'active')] }, 'member_change_invalid'],
      [writer, { members: [change(writer, 'writer', 'invited')] }, 'member_change_invalid'],
      [writer, { members: [change(reader, 'reader', 'removed')] }, 'author_not_allowed'],
      [
        founder,
        {
          members: [change(fourth, 'reader', 'invited', { wrap: wrap(1) })],
          added: [{ blobId: new Uint8Array(16), count: 1, sourceVault: null }],
        },
        'content_not_allowed',
      ],
    ]
    for (const [index, [author, section, code]] of cases.entries()) {
      const bytes = await forge({ vault, state: chain, author, section })
      await expect(verify(chain, bytes), `case ${index}`).rejects.toEqual(refuses(code))
    }
    const operations = Array.from({ length: 200 }, () => RECORD)
    const section = { members: [change(writer, 'reader', 'active')] }
    const heavy = await forge({ vault, state: chain, author: founder, section, operations })
    await expect(verify(chain, heavy)).rejects.toEqual(refuses('content_not_allowed'))
    const demoted = await extend(chain, founder, section)
    expect(demoted.members[1]?.role).toBe('reader')
  })
})

describe('an epoch change', () => {
  test('removes others, brings wraps for all who stay, and counts from the next commit', async () => {
    const chain = await withMembers()
    const fourth = await person(4)
    const section = {
      members: [change(writer, 'writer', 'removed'), change(fourth, 'writer', 'invited')],
      epochChange: await epochChange(vault, [founder, reader, fourth]),
    }
    const next = await extend(chain, founder, section)
    expect(next.epoch).toBe(2)
    expect(next.members).toHaveLength(3)
    const removed = await forge({ vault, state: next, author: writer })
    await expect(verify(next, removed)).rejects.toEqual(refuses('author_not_allowed'))
    expect((await extend(next, founder, {})).epoch).toBe(2)
  })

  test('is refused when incomplete', async () => {
    const chain = await withMembers()
    const full = await epochChange(vault, [founder, writer, reader])
    const fourth = await person(4)
    const cases: [Partial<Section>, string][] = [
      [{ epochChange: await epochChange(vault, [founder, writer]) }, 'epoch_wrong'],
      [{ epochChange: await epochChange(vault, [founder, writer, reader, fourth]) }, 'epoch_wrong'],
      [{ epochChange: await epochChange(vault, [founder, writer, fourth]) }, 'epoch_wrong'],
      [{ epochChange: { ...full, sealedPreviousKey: null } }, 'epoch_wrong'],
      [{ epochChange: full, members: [change(writer, 'writer', 'removed')] }, 'epoch_wrong'],
      [{ epochChange: full, members: [change(founder, 'owner', 'removed')] }, 'member_change_invalid'],
      [
        {
          epochChange: await epochChange(vault, [founder, writer, reader, fourth]),
          members: [change(fourth, 'reader', 'invited', { wrap: wrap(1) })],
        },
        'member_change_invalid',
      ],
      [{ epochChange: full, released: [{ blobId: new Uint8Array(16), count: 1 }] }, 'content_not_allowed'],
    ]
    for (const [index, [section, code]] of cases.entries()) {
      const bytes = await forge({ vault, state: chain, author: founder, section })
      await expect(verify(chain, bytes), `case ${index}`).rejects.toEqual(refuses(code))
    }
  })
})

describe('a section', () => {
  const base: Section = {
    changeId: new Uint8Array(16),
    added: [],
    released: [],
    members: [],
    epochChange: null,
    genesis: null,
  }

  test('decodes to what was encoded', async () => {
    const section: Section = {
      ...base,
      added: [{ blobId: new Uint8Array(16), count: 3, sourceVault: new Uint8Array(16) }],
      released: [{ blobId: new Uint8Array(16).fill(1), count: 0xffffffff }],
      members: [change(writer, 'reader', 'removed')],
      epochChange: await epochChange(vault, [founder]),
      genesis: { founderCardHash: new Uint8Array(32), random: new Uint8Array(32) },
    }
    expect(decodeSection(encodeSection(section))).toEqual(section)
  })

  test('is refused in any other form than the canonical', async () => {
    const bytes = encodeSection(base)
    const blobId = new Uint8Array(16)
    const reference = { blobId, count: 1, sourceVault: null }
    const nested = new Uint8Array(100).fill(0x81)
    const wrong: Uint8Array[] = [
      new Uint8Array(0),
      bytes.subarray(0, bytes.length - 1),
      new Uint8Array([...bytes, 0]),
      // The version 1 in two bytes, an indefinite array, a map with a key twice, a float, a tag, undefined.
      new Uint8Array([0x87, 0x18, 0x01, ...bytes.subarray(2)]),
      new Uint8Array([0x9f, ...bytes.subarray(1), 0xff]),
      Uint8Array.of(0xa2, 0x01, 0x01, 0x01, 0x01),
      Uint8Array.of(0xf9, 0x3c, 0x00),
      Uint8Array.of(0xc0, 0x01),
      new Uint8Array([0x87, 0x01, ...bytes.subarray(2, bytes.length - 1), 0xf7]),
      nested,
      encode([1, blobId, [], [], [], null]),
      encode([1, blobId, [[blobId, 0, null]], [], [], null, null]),
      encode([1, blobId, [[blobId, -1, null]], [], [], null, null]),
      encode([1, 'text', [], [], [], null, null]),
      encodeSection({ ...base, added: [reference, reference] }),
      encodeSection({ ...base, added: [{ ...reference, blobId: new Uint8Array(16).fill(1) }, reference] }),
      encodeSection({ ...base, added: [reference], released: [reference] }),
    ]
    for (const [index, section] of wrong.entries()) {
      expect(() => decodeSection(section), `case ${index}`).toThrow(refuses('section_invalid'))
    }
    expect(() => decodeSection(encode([2, blobId]))).toThrow(refuses('upgrade_required'))
    expect(() => decodeSection(new Uint8Array(1024 * 1024 + 1))).toThrow(refuses('limits_exceeded'))
    const many = Array.from({ length: 20_001 }, () => null)
    expect(() => decodeSection(encode([1, blobId, many, [], [], null, null]))).toThrow(refuses('limits_exceeded'))
    const bad = await forge({ vault, state, author: founder, sectionBytes: nested })
    await expect(verify(state, bad)).rejects.toEqual(refuses('section_invalid'))
  })

  test('never exhausts the stack', () => {
    expect(() => decodeCbor(new Uint8Array(1024 * 1024).fill(0x81), 'section_invalid')).toThrow(
      refuses('section_invalid'),
    )
  })
})
