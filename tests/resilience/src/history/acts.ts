import { ClientError } from '@strongroom/client'
import { bytesFrom } from '../../../e2e/src/journeys/seeded-bytes.ts'
import type { Random } from '../harness/random.ts'
import { bytesSource, type HistoryDevice } from './device.ts'
import { count, type History, type PutFile } from './history.ts'

/** Modification times tell puts from each other. */
export const FIRST_MTIME_MS = 1_700_000_000_000
const MIB = 1024 * 1024

/** Reasons for which a verb refuses what a random user wants, before anything is changed. */
const REFUSALS = ['not_found', 'exists', 'is_a_folder', 'not_a_folder', 'usage']
/** What a user may meet when things fail: nobody knows then what was done. */
const UNCERTAIN = ['network', 'conflict', 'server', 'quota']

const FOLDERS = ['/d', '/e', '/e/d'] as const
const FILES = ['/a', '/b.txt', '/d/a', '/d/b.txt', '/e/a', '/e/d/a', '/e/d/b.txt', '/c'] as const

/** The content of a put, by its number: mostly small, sometimes of several parts. */
export function contentOf(number: number): Uint8Array {
  const kind = number % 40
  const size =
    kind === 39 ? 9 * MIB + number : kind > 34 ? 300_000 + number : kind > 20 ? 20_000 + number : number % 700
  return bytesFrom(number + 1, size)
}

/** One act of one device, that a random user might do. Nobody but its device uses a folder `/own-…`. */
export async function actOnce(device: HistoryDevice, random: Random, history: History): Promise<void> {
  const { drive } = device.session
  const file = random.pick(FILES)
  const folder = random.pick(FOLDERS)
  const path = random.below(4) === 0 ? folder : file
  const to = path === folder ? random.pick(FOLDERS) : random.pick(FILES)
  switch (random.below(20)) {
    case 0:
    case 1:
      return await attempt(device, history, 'mkdir', () => drive.mkdir(folder, { parents: true }))
    case 2:
    case 3:
      return await attempt(device, history, 'move', () => drive.move(path, to, { conflict: 'keep-both' }))
    case 4:
      return await attempt(device, history, 'copy', () =>
        drive.copy(path, to, { recursive: true, conflict: 'keep-both' }),
      )
    case 5:
    case 6:
      return await attempt(device, history, 'trash', () => drive.trash(path, { recursive: true }))
    case 7:
      return await attempt(device, history, 'restore', async () => {
        const entries = await drive.listTrash()
        const entry = entries[random.below(Math.max(1, entries.length))]
        if (entry !== undefined) await drive.restore(entry.nodeId)
      })
    case 8:
      return await attempt(device, history, 'restoreVersion', () => drive.restoreVersion(file, 1))
    case 9:
    case 10:
      return await attempt(device, history, 'list', () => drive.list('/', { recursive: true }))
    case 11:
      return await attempt(device, history, 'get', () => readAny(device, random, history))
    case 12:
      return await putAndPurge(device, history)
    default:
      return void (await put(device, history, file, random.pick(['replace', 'replace', 'keep-both'] as const)))
  }
}

async function put(
  device: HistoryDevice,
  history: History,
  path: string,
  conflict: 'replace' | 'keep-both',
): Promise<PutFile> {
  const file: PutFile = { number: history.puts.length, by: device.name, vault: device.vault, expected: 'maybe' }
  history.puts.push(file)
  const source = bytesSource(contentOf(file.number), FIRST_MTIME_MS + file.number)
  await attempt(
    device,
    history,
    'put',
    async () => {
      await device.session.drive.put(source, path, { conflict, parents: true })
      file.expected = 'kept'
    },
    (error) => {
      if (REFUSALS.includes(error.code)) file.expected = 'none'
    },
  )
  return file
}

/** Puts a file where nobody else goes, and destroys it: afterwards it is gone, unless nobody knows. */
async function putAndPurge(device: HistoryDevice, history: History): Promise<void> {
  const path = `/own-${device.name}-${history.puts.length}`
  const file = await put(device, history, path, 'replace')
  if (file.expected === 'none') return
  const before = file.expected
  file.expected = 'maybe'
  await attempt(
    device,
    history,
    'purge',
    async () => {
      await device.session.drive.purge(path)
      file.expected = 'none'
    },
    (error) => {
      if (error.code === 'not_found') file.expected = before === 'kept' ? 'kept' : 'maybe'
    },
  )
}

/** Reads some file and compares every byte with what was put. */
async function readAny(device: HistoryDevice, random: Random, history: History): Promise<void> {
  const files = device.session.drive.listLocal('/', { recursive: true }).filter(({ kind }) => kind === 'file')
  const entry = files[random.below(Math.max(1, files.length))]
  if (entry !== undefined) await readFile(device, entry.path, history)
}

/** Reads a file whole. What comes is what one of the puts has sent, or it is noted as broken. */
export async function readFile(device: HistoryDevice, path: string, history: History): Promise<void> {
  const entry = await device.session.drive.stat(path)
  const parts: Uint8Array[] = []
  for await (const part of device.session.drive.getRange(path, { offset: 0 })) parts.push(part.slice())
  // Somebody may have put a new version in between, whose number the entry does not have.
  const bytes = Buffer.concat(parts)
  const again = await device.session.drive.stat(path)
  const fits = [entry, again].some(({ mtimeMs }) => bytes.equals(contentOf(mtimeMs - FIRST_MTIME_MS)))
  if (!fits && entry.versionId === again.versionId) history.broken.push(`${device.name} read other bytes than were put`)
}

async function attempt(
  device: HistoryDevice,
  history: History,
  verb: string,
  act: () => Promise<unknown>,
  refused: (error: ClientError) => void = () => undefined,
): Promise<void> {
  try {
    await act()
    count(history.ended, `${verb} done`)
  } catch (error) {
    const code = error instanceof ClientError ? error.code : 'unknown'
    count(history.ended, `${verb} ${code}`)
    if (error instanceof ClientError && [...REFUSALS, ...UNCERTAIN].includes(code)) return refused(error)
    history.broken.push(`${device.name} could not ${verb}: ${String(error)}${reasonOf(error)}`)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof ClientError ? ` (${code(error)} ${JSON.stringify(error.details)})` : ''
}

function code({ code: what }: ClientError): string {
  return what
}
