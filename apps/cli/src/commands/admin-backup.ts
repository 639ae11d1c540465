import { resolve } from 'node:path'
import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import type { Output } from '../output.ts'
import { quoted } from '../output.ts'
import { count, formatBytes, parseWhole } from '../quantity.ts'
import { isoTime, shownTime } from '../times.ts'
import type { Admin, BackupServer, RestoreRequest, RestoreSummary } from './serve.ts'

interface BackupSummary {
  readonly name: string
  readonly rows: number
  readonly blobs: number
  readonly copied: number
  readonly copiedBytes: number
  readonly missing: number
  readonly keyFile: boolean
  readonly removed: number
}

/** How far it got, as a line on a terminal that is written again and again. */
function progressOf(output: Output): { show(value: unknown): void; end(): void } {
  return {
    show: (value) => {
      if (!output.interactive) return
      const { what, count: done } = value as { what: string; count: number } // as the operation reports it
      process.stderr.write(`\r${what}: ${done}\u001b[K`)
    },
    end: () => {
      if (output.interactive) process.stderr.write('\r\u001b[K')
    },
  }
}

/** `admin backup`: a consistent copy of everything, made while servers work. */
export async function adminBackup(
  { output, signal }: CommandContext,
  admin: Admin,
  folder: string,
  flags: { withoutKeys?: boolean; keep?: string },
): Promise<ExitCode> {
  if (folder === '') throw new UsageError('The backup needs a folder.')
  const progress = progressOf(output)
  const missing: string[] = []
  const onItem = (item: unknown): void => {
    const { blob } = item as { blob: string } // as the operation declares it
    missing.push(blob)
    output.warn(`strongroom: Blob ${blob} is not in the blob store as it should be; see "strongroom admin verify".`)
  }
  const input = {
    folder: resolve(folder),
    withoutKeys: flags.withoutKeys ?? false,
    ...(flags.keep === undefined ? {} : { keep: parseWhole(flags.keep, '--keep', 1, 10_000) }),
  }
  const call = admin.call('backup', input, { signal, onItem, onProgress: progress.show }).finally(progress.end)
  const answer = (await call) as BackupSummary // checked there
  if (output.json) output.document({ ...answer, missing })
  else output.line(answer.name)
  const { rows, blobs, copied, copiedBytes, removed } = answer
  output.note(
    `${count(rows, 'row')} and ${count(blobs, 'blob')}, ${copied} of them new (${formatBytes(copiedBytes)})${removed > 0 ? `; ${count(removed, 'older backup')} removed` : ''}.`,
  )
  if (answer.keyFile) {
    output.note(
      'The key file is in it: whoever has the backup can open the outer layer. Keep it as you keep keys, or use --without-keys and keep a copy of the key file apart.',
    )
  } else {
    output.note('No keys are in it: without the key file, or the key service, nothing of it opens.')
  }
  return missing.length === 0 ? EXIT.done : EXIT.partlyDone
}

export interface RestoreFlags {
  readonly at?: string
  readonly keys?: string
  readonly list?: boolean
  readonly check?: boolean
  readonly skipDamaged?: boolean
  readonly keepSessions?: boolean
}

/** `admin restore`: puts a backup into an empty data folder, or only lists or reads what there is. */
export async function adminRestore(
  { output, signal, environment }: CommandContext,
  server: BackupServer,
  folder: string,
  flags: RestoreFlags,
): Promise<ExitCode> {
  if (flags.list) return await listBackups(output, server, folder)
  const progress = progressOf(output)
  const missing: string[] = []
  const request: RestoreRequest = {
    folder: resolve(folder),
    name: flags.at ?? null,
    keyFile: flags.keys === undefined ? null : resolve(flags.keys),
    skipDamaged: flags.skipDamaged ?? false,
    keepSessions: flags.keepSessions ?? false,
    signal,
    missing: async (blob) => {
      missing.push(blob)
    },
    step: async (done) => progress.show(done),
  }
  const task = flags.check ? server.checkBackupIn(request) : server.restoreBackup(environment, request)
  const result = await task.finally(progress.end)
  const { name, createdMs, rows, blobs, bytes } = result
  if (output.json) output.document({ name, created: isoTime(createdMs), rows, blobs, bytes, missing })
  else output.line(name)
  const what = `${count(rows, 'row')} and ${count(blobs, 'blob')} (${formatBytes(bytes)})`
  output.note(`${flags.check ? 'Read and compared' : 'Restored'} ${what}, as they were at ${shownTime(createdMs)}.`)
  if (!flags.check) sayWhatIsNext(output, flags)
  if (missing.length === 0) return EXIT.done
  for (const blob of missing.slice(0, 20)) output.warn(`strongroom: Blob ${blob} is not in the backup.`)
  output.warn(
    `strongroom: Content of ${count(missing.length, 'blob')} is lost; "strongroom verify" shows its user which files.`,
  )
  return EXIT.partlyDone
}

function sayWhatIsNext(output: Output, flags: RestoreFlags): void {
  if (!flags.keepSessions) output.note('All sessions have ended: users sign in again.')
  output.note(
    'Start the server. Devices that saw newer changes stop with exit code 5: tell their users to run "strongroom restore-server", before anything is changed.',
  )
}

async function listBackups(output: Output, server: BackupServer, folder: string): Promise<ExitCode> {
  const found = await server.listBackupsIn(resolve(folder))
  const list = found.map(({ name, manifest }): RestoreSummary => {
    const rows = Object.values(manifest.tables).reduce((sum, table) => sum + table.rows, 0)
    return {
      name,
      createdMs: manifest.createdMs,
      rows,
      blobs: manifest.blobs.count,
      bytes: manifest.blobs.bytes,
      missing: manifest.missing.length,
      keyFile: manifest.keyFile !== null,
    }
  })
  if (output.json) {
    output.document(list.map(({ createdMs, ...rest }) => ({ ...rest, created: isoTime(createdMs) })))
    return EXIT.done
  }
  for (const { name, createdMs, rows, blobs, bytes, keyFile } of list) {
    const parts = [name, shownTime(createdMs), count(rows, 'row'), count(blobs, 'blob'), formatBytes(bytes)]
    output.line([...parts, keyFile ? 'with keys' : 'without keys'].join('  '))
  }
  if (list.length === 0) output.note(`There is no whole backup in ${quoted(folder)}.`)
  return EXIT.done
}
