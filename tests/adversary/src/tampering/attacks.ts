import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resumeContentEncryptor } from '@strongroom/crypto'
import { hashMessage } from '@strongroom/crypto/envelope'
import { nodeEngine } from '@strongroom/crypto/node'
import { commitHash, encodeChainState } from '@strongroom/vault/header'
import { envelopePlace, keyringPlace, wrapPlace } from '../../../../packages/server/src/domain/keys/places.ts'
import { encodeCbor } from '../../../../packages/vault/src/header/cbor.ts'
import type { Check } from '../checks/checks.ts'
import { copyOfHome, run } from '../harness/cli.ts'
import { type Cell, editCell, editFile, flipBit, readCell, type Undo, undoAll, writeCell } from '../harness/edit.ts'
import { chainOf, openInsider } from '../harness/insider.ts'
import { type FileName, partFile, rememberLog, type World } from './world.ts'

const engine = nodeEngine()

/** What comes out of a client that no longer checks. */
export type Leak =
  /** Other bytes than were put, exit code 0. */
  | 'wrong content'
  /** What alice put, exit code 0, although stored bytes were changed. */
  | 'success'
  /** A listing that is not the newest state's. */
  | 'wrong listing'
  /** Not stopped as tampering any more. */
  | 'another exit code'

export interface Attack {
  readonly name: string
  apply(world: World): Promise<Undo>
  /** `get` of this file, `ls /`, `audit`, `whoami`, `verify`, or `login` on a device that has never been here. */
  readonly command: FileName | 'ls' | 'audit' | 'whoami' | 'verify' | 'login'
  /** Checks that stand in the way, all of which the mutant leaves out. Empty where the server notices. */
  readonly checks: readonly Check[]
  readonly leak: Leak
}

function blobCell(world: World, name: FileName, column: 'digests' | 'length'): Cell {
  return { table: 'blobs', column, where: 'id = $1', values: [world.files[name].record.blobId] }
}

function wrapCell(world: World, name: FileName): Cell {
  const values = [world.insider.keyring.vaultId, world.files[name].record.blobId]
  return { table: 'wraps', column: 'sealed', where: 'vault_id = $1 AND blob_id = $2', values }
}

function commitCell(world: World, seq: number): Cell {
  const values = [world.insider.keyring.vaultId, seq]
  return { table: 'commits', column: 'bytes', where: 'vault_id = $1 AND seq = $2', values }
}

/** Exchanges the bytes of two cells, or of two files. */
async function swapCells(world: World, one: Cell, other: Cell): Promise<Undo> {
  const pool = world.server.database
  const [first, second] = [await readCell(pool, one), await readCell(pool, other)]
  await writeCell(pool, one, second)
  await writeCell(pool, other, first)
  return undoAll(
    () => writeCell(pool, one, first),
    () => writeCell(pool, other, second),
  )
}

async function swapFiles(one: string, other: string): Promise<Undo> {
  const [first, second] = [await readFile(one), await readFile(other)]
  return undoAll(await editFile(one, () => second), await editFile(other, () => first))
}

/** Exchanges two wrapped DEKs and seals each again for its new row, so that the server serves them gladly. */
async function swapWrapsResealed(world: World): Promise<Undo> {
  const pool = world.server.database
  const place = (name: FileName) => {
    const { vaultId, vaultEpoch } = world.insider.keyring
    return wrapPlace(world.insider.accountId, vaultId, vaultEpoch, world.files[name].record.blobId)
  }
  const opened = async (name: FileName) => world.outer.open(place(name), await readCell(pool, wrapCell(world, name)))
  const [a, b] = [await opened('a.txt'), await opened('b.txt')]
  const [sealedA, sealedB] = [await world.outer.seal(place('a.txt'), b), await world.outer.seal(place('b.txt'), a)]
  return undoAll(
    await editCell(pool, wrapCell(world, 'a.txt'), () => sealedA),
    await editCell(pool, wrapCell(world, 'b.txt'), () => sealedB),
  )
}

/** New content for a.txt under its real DEK and header, as somebody who has the key can make it. */
async function forgeContent(world: World): Promise<{ blob: Uint8Array; digest: Uint8Array }> {
  const { record, content } = world.files['a.txt']
  const dek = await world.insider.dekOf(record)
  const encryptor = await resumeContentEncryptor(engine, { dek, blobId: record.blobId, header: record.header })
  const paddedLength = record.blobLength - 32
  const plaintext = Buffer.from('Forged! '.repeat(content.length)).subarray(0, content.length)
  const blob = await encryptor.encryptPart({ firstSegment: 0, plaintext, paddedLength, final: true })
  return { blob, digest: await engine.sha256(blob) }
}

/** Puts such content in the place of a.txt, with a list of digests to go with it. */
async function forgeContentWithDigests(world: World): Promise<Undo> {
  const { blob, digest } = await forgeContent(world)
  return undoAll(
    await editFile(await partFile(world, 'a.txt'), () => blob),
    await editCell(world.server.database, blobCell(world, 'a.txt', 'digests'), () => digest),
  )
}

function swapSlices(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([bytes.subarray(length, 2 * length), bytes.subarray(0, length), bytes.subarray(2 * length)])
}

const CONTENT: Attack[] = [
  {
    name: 'a bit of a blob is flipped',
    apply: async (world) => editFile(await partFile(world, 'a.txt'), (bytes) => flipBit(bytes, 40)),
    command: 'a.txt',
    checks: ['part digest', 'AES-GCM tag'],
    leak: 'wrong content',
  },
  {
    name: 'a bit in the last part of a large blob is flipped',
    apply: async (world) => editFile(await partFile(world, 'big.bin', 2), (bytes) => flipBit(bytes, -40)),
    command: 'big.bin',
    checks: ['part digest', 'AES-GCM tag'],
    leak: 'wrong content',
  },
  {
    name: 'content is forged by somebody who has the key of the file',
    apply: async (world) => {
      const { blob } = await forgeContent(world)
      return editFile(await partFile(world, 'a.txt'), () => blob)
    },
    command: 'a.txt',
    checks: ['part digest'],
    leak: 'wrong content',
  },
  {
    name: 'content and digest list are forged by somebody who has the key of the file',
    apply: forgeContentWithDigests,
    command: 'a.txt',
    checks: ['digest list root'],
    leak: 'wrong content',
  },
  {
    name: 'a blob is cut',
    apply: async (world) => editFile(await partFile(world, 'a.txt'), (bytes) => bytes.subarray(0, -1)),
    command: 'a.txt',
    checks: ['damage told by the store'],
    leak: 'another exit code',
  },
  {
    name: 'the last part of a large blob is cut',
    apply: async (world) => editFile(await partFile(world, 'big.bin', 2), (bytes) => bytes.subarray(0, 100)),
    command: 'big.bin',
    checks: ['damage told by the store'],
    leak: 'another exit code',
  },
  {
    name: 'a blob is cut and the server says so',
    apply: async (world) =>
      undoAll(
        await editFile(await partFile(world, 'a.txt'), (bytes) => bytes.subarray(0, -1)),
        await editCell(world.server.database, blobCell(world, 'a.txt', 'length'), (value) => Number(value) - 1),
      ),
    command: 'a.txt',
    checks: ['blob length', 'object length', 'answer length', 'part digest', 'segment length word', 'AES-GCM tag'],
    leak: 'success',
  },
  {
    name: 'a blob is extended',
    apply: async (world) =>
      editFile(await partFile(world, 'a.txt'), (bytes) => Buffer.concat([bytes, Buffer.alloc(9)])),
    command: 'a.txt',
    checks: ['damage told by the store'],
    leak: 'another exit code',
  },
  {
    name: 'a blob is extended and the server says so',
    apply: async (world) =>
      undoAll(
        await editFile(await partFile(world, 'a.txt'), (bytes) => Buffer.concat([bytes, Buffer.alloc(9)])),
        await editCell(world.server.database, blobCell(world, 'a.txt', 'length'), (value) => Number(value) + 9),
      ),
    command: 'a.txt',
    checks: ['blob length', 'object length'],
    leak: 'success',
  },
  {
    name: 'two blobs are swapped',
    apply: async (world) => swapFiles(await partFile(world, 'a.txt'), await partFile(world, 'b.txt')),
    command: 'a.txt',
    checks: ['part digest', 'AES-GCM tag', 'padding'],
    leak: 'wrong content',
  },
  {
    name: 'two blobs are swapped with their digest lists and wrapped keys',
    apply: async (world) =>
      undoAll(
        await swapFiles(await partFile(world, 'a.txt'), await partFile(world, 'b.txt')),
        await swapCells(world, blobCell(world, 'a.txt', 'digests'), blobCell(world, 'b.txt', 'digests')),
        await swapWrapsResealed(world),
      ),
    command: 'a.txt',
    checks: ['digest list root', 'seal commitment', 'content header tag', 'AES-GCM tag', 'padding'],
    leak: 'wrong content',
  },
  {
    name: 'two parts of one blob are swapped',
    apply: async (world) => swapFiles(await partFile(world, 'big.bin', 0), await partFile(world, 'big.bin', 1)),
    command: 'big.bin',
    checks: ['part digest', 'AES-GCM tag'],
    leak: 'wrong content',
  },
  {
    name: 'two parts of one blob are swapped with their digests',
    apply: async (world) =>
      undoAll(
        await swapFiles(await partFile(world, 'big.bin', 0), await partFile(world, 'big.bin', 1)),
        await editCell(world.server.database, blobCell(world, 'big.bin', 'digests'), (digests) =>
          swapSlices(digests, 32),
        ),
      ),
    command: 'big.bin',
    checks: ['digest list root', 'AES-GCM tag'],
    leak: 'wrong content',
  },
  {
    name: 'the digest list is changed',
    apply: (world) =>
      editCell(world.server.database, blobCell(world, 'a.txt', 'digests'), (bytes) => flipBit(bytes, 0)),
    command: 'a.txt',
    checks: ['digest list root', 'part digest'],
    leak: 'success',
  },
  {
    name: 'a bit is flipped, and all is verified',
    apply: async (world) => editFile(await partFile(world, 'big.bin', 1), (bytes) => flipBit(bytes, 40)),
    command: 'verify',
    checks: ['digest of a verified part'],
    leak: 'success',
  },
  {
    name: 'content and digest list are forged, and all is verified',
    apply: forgeContentWithDigests,
    command: 'verify',
    checks: ['digest list root'],
    leak: 'success',
  },
  {
    name: 'the wrapped keys of two files are swapped as they are',
    apply: (world) => swapCells(world, wrapCell(world, 'a.txt'), wrapCell(world, 'b.txt')),
    command: 'a.txt',
    checks: ['damage told by the server'],
    leak: 'another exit code',
  },
  {
    name: 'the wrapped keys of two files are swapped and sealed for their new rows',
    apply: swapWrapsResealed,
    command: 'a.txt',
    checks: ['seal commitment', 'content header tag', 'AES-GCM tag', 'padding'],
    leak: 'wrong content',
  },
]

/** Appends a commit to the stored log, past the server's checks. */
async function insertAtHead(world: World, bytes: Uint8Array): Promise<Undo> {
  const undo = await rememberLog(world)
  const { vaultId } = world.insider.keyring
  const pool = world.server.database
  const hash = await commitHash(engine, bytes.subarray(0, 276))
  const head = await pool.query<{ head_seq: string }>('SELECT head_seq FROM vaults WHERE id = $1', [vaultId])
  const seq = Number(head.rows[0]?.head_seq) + 1
  await pool.query('INSERT INTO commits (vault_id, seq, hash, bytes, appended_ms) VALUES ($1, $2, $3, $4, 0)', [
    vaultId,
    seq,
    hash,
    bytes,
  ])
  await pool.query('UPDATE vaults SET head_seq = $2, head_hash = $3 WHERE id = $1', [vaultId, seq, hash])
  return undo
}

/** Takes the newest commit away and lets the server believe that it never was. */
async function rollBack(world: World): Promise<Undo> {
  const undo = await rememberLog(world)
  const { vaultId } = world.insider.keyring
  const pool = world.server.database
  const kept = (await world.insider.commits()).slice(0, -1)
  const chain = await chainOf(kept)
  if (chain?.head == null) throw new Error('nothing would be left')
  await pool.query('DELETE FROM commits WHERE vault_id = $1 AND seq > $2', [vaultId, chain.head.seq])
  await pool.query('UPDATE vaults SET head_seq = $2, head_hash = $3, chain_state = $4 WHERE id = $1', [
    vaultId,
    chain.head.seq,
    chain.head.hash,
    encodeChainState(chain),
  ])
  return undo
}

async function newestSeq(world: World): Promise<number> {
  return (await world.insider.commits()).length - 1
}

async function flipNewest(world: World, position: number): Promise<Undo> {
  return editCell(world.server.database, commitCell(world, await newestSeq(world)), (bytes) => flipBit(bytes, position))
}

const HEADER = 276
const SIGNATURE = 64

const LOG: Attack[] = [
  {
    name: "the time in a commit's header is changed",
    apply: (world) => flipNewest(world, 139),
    command: 'ls',
    checks: ['commit signature', 'head hash', 'pinned head'],
    leak: 'success',
  },
  {
    name: 'the signature of a commit is changed',
    apply: (world) => flipNewest(world, HEADER + 5),
    command: 'ls',
    checks: ['commit signature'],
    leak: 'success',
  },
  {
    name: 'the change id in the section of a commit is changed',
    apply: (world) => flipNewest(world, HEADER + SIGNATURE + 8),
    command: 'ls',
    checks: ['section hash'],
    leak: 'success',
  },
  {
    name: 'the body of a commit is changed',
    apply: (world) => flipNewest(world, -1),
    command: 'ls',
    checks: ['body hash'],
    leak: 'wrong listing',
  },
  {
    name: 'a commit is signed by somebody who has the vault key but not the identity',
    apply: async (world) => {
      const root = (await engine.sha256(hashMessage('root', world.insider.keyring.vaultId))).slice(0, 16)
      const body = encodeCbor([1, [[1, randomBytes(16), root, Buffer.from('forged'), 0, new Uint8Array(0)]]])
      return insertAtHead(
        world,
        await world.insider.build(await world.insider.chain(), body, { seed: randomBytes(32) }),
      )
    },
    command: 'ls',
    checks: ['commit signature'],
    leak: 'wrong listing',
  },
  {
    name: 'a commit is dropped',
    apply: async (world) => {
      const undo = await rememberLog(world)
      const { vaultId } = world.insider.keyring
      await world.server.database.query('DELETE FROM commits WHERE vault_id = $1 AND seq = 2', [vaultId])
      return undo
    },
    command: 'ls',
    checks: ['sequence number', 'previous hash', 'state sequence'],
    leak: 'wrong listing',
  },
  {
    name: 'two commits are exchanged',
    apply: (world) => swapCells(world, commitCell(world, 1), commitCell(world, 2)),
    command: 'ls',
    checks: ['sequence number', 'previous hash', 'state sequence'],
    leak: 'success',
  },
  {
    name: 'the log is rolled back',
    apply: rollBack,
    command: 'ls',
    checks: ['head went back'],
    leak: 'wrong listing',
  },
  {
    name: 'the log is rolled back and goes on differently',
    apply: async (world) => {
      const undo = await rollBack(world)
      await using other = await copyOfHome(world.alice, { forget: ['pins.json', 'vault.cache'] })
      const options = { home: other.home, server: world.server.url, password: world.alice.password }
      const done = await run(['mkdir', '/fork'], options)
      if (done.code !== 0) throw new Error(`the fork was not made: ${done.stderr}`)
      return undo
    },
    command: 'ls',
    checks: ['pinned head'],
    leak: 'wrong listing',
  },
]

/** Puts mallory's sealed bytes into alice's row, sealed for that row. */
async function fromMallory(world: World, table: 'envelopes' | 'keyrings'): Promise<Undo> {
  const mallory = await openInsider(world.mallory.home, world.server.url)
  const place = (account: Uint8Array) =>
    table === 'envelopes' ? envelopePlace(account, 1, 1) : keyringPlace(account, 1)
  const cell = (account: Uint8Array): Cell => ({
    table,
    column: 'sealed',
    where: table === 'envelopes' ? 'account_id = $1 AND method = 1' : 'account_id = $1',
    values: [account],
  })
  const pool = world.server.database
  const bytes = await world.outer.open(place(mallory.accountId), await readCell(pool, cell(mallory.accountId)))
  const sealed = await world.outer.seal(place(world.insider.accountId), bytes)
  return editCell(pool, cell(world.insider.accountId), () => sealed)
}

/** Shows a sealed object of version 1 as version 2, sealed for the row that it then has. */
async function asVersionTwo(world: World, table: 'envelopes' | 'keyrings'): Promise<Undo> {
  const { accountId } = world.insider
  const place = (version: number) =>
    table === 'envelopes' ? envelopePlace(accountId, 1, version) : keyringPlace(accountId, version)
  const where = table === 'envelopes' ? 'account_id = $1 AND method = 1' : 'account_id = $1'
  const cell = (column: string): Cell => ({ table, column, where, values: [accountId] })
  const pool = world.server.database
  const bytes = await world.outer.open(place(1), await readCell(pool, cell('sealed')))
  const sealed = await world.outer.seal(place(2), bytes)
  return undoAll(await editCell(pool, cell('sealed'), () => sealed), await editCell(pool, cell('version'), () => 2))
}

const ACCOUNT: Attack[] = [
  {
    name: 'the account-key envelope is shown as another version',
    apply: (world) => asVersionTwo(world, 'envelopes'),
    command: 'login',
    checks: ['envelope version in its context'],
    leak: 'success',
  },
  {
    name: 'the keyring is shown as another version',
    apply: (world) => asVersionTwo(world, 'keyrings'),
    command: 'login',
    checks: ['keyring version in its context', 'keyring version inside'],
    leak: 'success',
  },
  {
    name: "the account-key envelope is another account's",
    apply: (world) => fromMallory(world, 'envelopes'),
    command: 'login',
    checks: ['seal commitment', 'AES-GCM tag', 'what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    name: "the keyring is another account's",
    apply: (world) => fromMallory(world, 'keyrings'),
    command: 'login',
    checks: ['seal commitment', 'AES-GCM tag', 'what an unopened seal means'],
    leak: 'another exit code',
  },
  {
    name: 'the account-key envelope is changed as it is',
    apply: (world) =>
      editCell(
        world.server.database,
        {
          table: 'envelopes',
          column: 'sealed',
          where: 'account_id = $1 AND method = 1',
          values: [world.insider.accountId],
        },
        (bytes) => flipBit(bytes, -1),
      ),
    command: 'login',
    checks: ['damage told by the server'],
    leak: 'another exit code',
  },
]

/** The newest entry that the device has pinned is shown no more, with a head that fits. */
async function setAuditBack(world: World): Promise<Undo> {
  const pool = world.server.database
  const values = [world.insider.accountId]
  const head = (column: string): Cell => ({ table: 'audit_heads', column, where: 'account_id = $1', values })
  const first = { table: 'audit_entries', column: 'hash', where: 'account_id = $1 AND seq = 1', values }
  const hash = await readCell(pool, first)
  return undoAll(await editCell(pool, head('seq'), () => 1), await editCell(pool, head('hash'), () => hash))
}

const AUDIT: Attack[] = [
  {
    name: 'an entry of the audit log is edited',
    apply: (world) =>
      editCell(
        world.server.database,
        {
          table: 'audit_entries',
          column: 'event',
          where: 'account_id = $1 AND seq = 1',
          values: [world.insider.accountId],
        },
        () => 'signed_out',
      ),
    command: 'audit',
    checks: ['hash of the audit log'],
    leak: 'success',
  },
  {
    name: 'the audit log is set back',
    apply: setAuditBack,
    command: 'whoami',
    checks: ['head of the audit log'],
    leak: 'success',
  },
]

export const ATTACKS: readonly Attack[] = [...CONTENT, ...LOG, ...ACCOUNT, ...AUDIT]
