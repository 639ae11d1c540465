import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContentRecord } from '@strongroom/vault'
import type pg from 'pg'
import { CliDevice } from '../../../dev-env/cli.ts'
import type { Undo } from '../harness/edit.ts'
import { type Insider, openInsider } from '../harness/insider.ts'
import { type OuterLayer, openOuterLayer } from '../harness/outer.ts'
import { dataFolder, type ServerProcess, startServer } from '../harness/server.ts'

const MIB = 1024 * 1024

/** A server with two accounts, and everything that its hostile operator can lay hands on. */
export interface World {
  readonly server: ServerProcess
  readonly alice: CliDevice
  readonly mallory: CliDevice
  /** Alice's keys: for attackers that somehow have one of them. */
  readonly insider: Insider
  readonly outer: OuterLayer
  readonly files: Record<FileName, { content: Buffer; record: ContentRecord }>
  /** Stops the server that runs by then, and removes everything. */
  remove(running: ServerProcess): Promise<void>
}

export const FILES = ['a.txt', 'b.txt', 'big.bin'] as const
export type FileName = (typeof FILES)[number]

export async function buildWorld(): Promise<World> {
  const data = await dataFolder()
  const server = await startServer({ dataFolder: data.path })
  const alice = await CliDevice.create(server.url, 'the passphrase of alice 19')
  const mallory = await CliDevice.create(server.url, 'the passphrase of mallory 20')
  await Promise.all([alice.register('alice'), mallory.register('mallory')])
  // Equally long, so that one can stand in for the other; big.bin has two full parts and a third.
  const contents: Record<FileName, Buffer> = {
    'a.txt': Buffer.from('This is what a.txt says. '.repeat(40)),
    'b.txt': Buffer.from('That is what b.txt says. '.repeat(40)),
    'big.bin': randomBytes(17 * MIB),
  }
  for (const name of FILES) {
    const file = join(alice.home, 'source')
    await writeFile(file, contents[name])
    await alice.ok(['put', file, `/${name}`])
  }
  const insider = await openInsider(alice.home, server.url)
  const records = await insider.contents()
  const entry = (name: FileName) => {
    const record = records[FILES.indexOf(name)]
    if (record === undefined) throw new Error('a file has no record')
    return { content: contents[name], record }
  }
  return {
    server,
    alice,
    mallory,
    insider,
    outer: await openOuterLayer(server),
    files: { 'a.txt': entry('a.txt'), 'b.txt': entry('b.txt'), 'big.bin': entry('big.bin') },
    async remove(running) {
      await running.stop()
      await alice[Symbol.asyncDispose]()
      await mallory[Symbol.asyncDispose]()
      await data.remove()
    },
  }
}

/** The file that holds a part of a blob: the blob itself where it has one part only. */
export async function partFile(world: World, name: FileName, index = 0): Promise<string> {
  const id = Buffer.from(world.files[name].record.blobId).toString('hex')
  const path = join(world.server.dataFolder, 'blobs/objects', id.slice(0, 2), id)
  if (name !== 'big.bin') return path
  const part = (await readdir(path)).find((file) => file.startsWith(`${index}-`))
  if (part === undefined) throw new Error('the blob has no such part')
  return join(path, part)
}

interface CommitRow {
  seq: string
  hash: Buffer
  bytes: Buffer
  appended_ms: string
}

/** Remembers the whole log of alice's vault as the server has it, and puts it back. */
export async function rememberLog(world: World): Promise<Undo> {
  const { vaultId } = world.insider.keyring
  const pool = world.server.database
  const vault = await pool.query<{ head_seq: string; head_hash: Buffer; chain_state: Buffer }>(
    'SELECT head_seq, head_hash, chain_state FROM vaults WHERE id = $1',
    [vaultId],
  )
  const commits = await pool.query<CommitRow>('SELECT * FROM commits WHERE vault_id = $1', [vaultId])
  const head = vault.rows[0]
  if (head === undefined) throw new Error('there is no such vault')
  return async () => {
    await pool.query('DELETE FROM commits WHERE vault_id = $1', [vaultId])
    for (const row of commits.rows) await insertCommit(pool, vaultId, row)
    await pool.query('UPDATE vaults SET head_seq = $2, head_hash = $3, chain_state = $4 WHERE id = $1', [
      vaultId,
      head.head_seq,
      head.head_hash,
      head.chain_state,
    ])
  }
}

async function insertCommit(pool: pg.Pool, vaultId: Uint8Array, row: CommitRow): Promise<void> {
  await pool.query('INSERT INTO commits (vault_id, seq, hash, bytes, appended_ms) VALUES ($1, $2, $3, $4, $5)', [
    vaultId,
    row.seq,
    row.hash,
    row.bytes,
    row.appended_ms,
  ])
}
