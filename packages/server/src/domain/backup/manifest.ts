import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type BackupFolder, BackupFolderError } from '../../ports/index.ts'
import { hex, sha256 } from '../bytes.ts'

/*
 * [Note: Layout of backups]
 *
 *   service.json                  which service the folder belongs to
 *   blobs/ab/<blob id>            ciphertext, shared by all backups in the folder; never changed
 *   backups/<name>/manifest.json  what the backup consists of, with digests; its own digest stands in its last line
 *   backups/<name>/tables/<table>.jsonl.gz   one row a line, as PostgreSQL's row_to_json writes it
 *   backups/<name>/opaque-setup   wrapped by the key service
 *   backups/<name>/keys.json      the key file, unless it was left out
 *
 * A backup gets its name once it is whole. Rows as JSON restore into any version of PostgreSQL, and blobs as single files
 * into any blob store.
 */
export const BACKUP_FORMAT = 1

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)
const id = z.string().regex(/^[0-9a-f]{32}$/)

const storedFile = z.strictObject({ length: count, sha256: digest })
const manifest = z.strictObject({
  format: z.literal(BACKUP_FORMAT),
  /** Id of the OPAQUE setup, which tells services apart. */
  service: id,
  createdMs: count,
  /** Of the tables. */
  schemaVersion: z.int().min(1),
  tables: z.record(z.string().regex(/^[a-z_]+$/), z.strictObject({ rows: count, ...storedFile.shape })),
  blobs: z.strictObject({ count, bytes: count }),
  /** Blobs that the store did not have, or whose bytes did not fit their digests. */
  missing: z.array(id),
  setup: storedFile,
  /** null: left out, or kept by another key service. */
  keyFile: storedFile.nullable(),
  keyService: z.string(),
})
export type BackupManifest = z.infer<typeof manifest>
export type StoredFile = z.infer<typeof storedFile>

const service = z.strictObject({ format: z.literal(BACKUP_FORMAT), about: z.string(), service: id })
const ABOUT =
  'Backups of one Strongroom service, made by "strongroom admin backup"; restore with "strongroom admin restore".'

/** What is wrong with a backup; the message is one line for an operator. */
export class BackupError extends Error {
  readonly code: 'not_found' | 'integrity' | 'conflict' | 'upgrade_required'

  constructor(code: BackupError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BackupError'
    this.code = code
  }
}

export const BACKUPS = 'backups'
export const MANIFEST = 'manifest.json'
export const PARTIAL = '.partial-'

/** Where a blob's bytes lie in the folder. */
export function blobFile(blobId: string): string {
  return `blobs/${blobId.slice(0, 2)}/${blobId}`
}

export function tableFile(table: string): string {
  return `tables/${table}.jsonl.gz`
}

/** One chunk, for what takes a stream. */
export async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/**
 * Makes sure that the folder belongs to this service; an empty one does from now on.
 *
 * @throws BackupError `conflict`
 */
export async function claimFolder(folder: BackupFolder, serviceId: Uint8Array): Promise<void> {
  const bytes = await folder.read('service.json')
  if (bytes !== null) {
    const parsed = parseJson(service, bytes)
    if (parsed === null) throw new BackupError('conflict', 'The folder is none of backups, or of a newer version.')
    if (parsed.service === hex(serviceId)) return
    throw new BackupError('conflict', 'The folder has backups of another service; name another folder.')
  }
  if ((await folder.list('')).some((name) => !name.startsWith('.'))) {
    throw new BackupError('conflict', 'The folder has other things in it; name an empty one, or one of backups.')
  }
  const mark = { format: BACKUP_FORMAT, about: ABOUT, service: hex(serviceId) }
  await folder.write('service.json', whole(Buffer.from(`${JSON.stringify(mark, null, 2)}\n`)))
}

/** Names of the backups in a folder, the oldest first. */
export async function listBackups(folder: BackupFolder): Promise<string[]> {
  const names = await folder.list(BACKUPS)
  return names.filter((name) => !name.startsWith('.')).sort()
}

const SECOND_MS = 1000

/** A name that sorts behind those there are, also where two are made in one second or a clock was set back. */
export function backupName(nowMs: number, random: Uint8Array, newest: string | undefined): string {
  const after = newest === undefined ? 0 : timeOf(newest) + SECOND_MS
  const time = new Date(Math.max(nowMs, after)).toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '')
  return `${time}-${hex(random.subarray(0, 3))}`
}

/** Milliseconds of the time that begins a name; 0 for a name that is none of ours. */
function timeOf(name: string): number {
  const iso = name.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)-.*$/, '$1-$2-$3:$4:$5')
  return Date.parse(iso) || 0
}

export function encodeManifest(value: BackupManifest): Uint8Array {
  const text = `${JSON.stringify(value, null, 2)}\n`
  return Buffer.from(`${text}${hex(sha256(Buffer.from(text)))}\n`)
}

/**
 * Reads what a backup consists of.
 *
 * @throws BackupError `not_found`, `integrity`, `upgrade_required`
 */
export async function readManifest(folder: BackupFolder, name: string): Promise<BackupManifest> {
  const bytes = await folder.read(`${BACKUPS}/${name}/${MANIFEST}`)
  if (bytes === null) throw new BackupError('not_found', `There is no whole backup "${name}" in the folder.`)
  const lines = Buffer.from(bytes).toString('utf8').split('\n')
  const text = `${lines.slice(0, -2).join('\n')}\n`
  if (lines.at(-1) !== '' || lines.at(-2) !== hex(sha256(Buffer.from(text)))) throw damaged(name)
  const json = parseJson(z.looseObject({ format: z.number() }), Buffer.from(text))
  if (json !== null && json.format > BACKUP_FORMAT) throw newer()
  const parsed = parseJson(manifest, Buffer.from(text))
  if (parsed === null) throw damaged(name)
  return parsed
}

export function newer(): BackupError {
  return new BackupError('upgrade_required', 'The backup was made by a newer version of Strongroom; use that one.')
}

export function damaged(name: string): BackupError {
  return new BackupError('integrity', `The backup "${name}" is damaged: its files are not those that were written.`)
}

function parseJson<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | null {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch {
    return null
  }
}

/**
 * A stored file as it passes, compared with its digest at its end.
 *
 * @throws BackupError `integrity`
 */
export async function* verifiedStream(
  folder: BackupFolder,
  input: { readonly file: string; readonly stored: StoredFile; readonly name: string },
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let length = 0
  try {
    for await (const chunk of folder.stream(input.file)) {
      hash.update(chunk)
      length += chunk.length
      if (length > input.stored.length) throw damaged(input.name)
      yield chunk
    }
  } catch (error) {
    if (error instanceof BackupFolderError && error.code === 'not_found') throw damaged(input.name)
    throw error
  }
  if (length !== input.stored.length || hash.digest('hex') !== input.stored.sha256) throw damaged(input.name)
}
