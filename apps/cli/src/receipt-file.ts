import { type FileHandle, lstat, open, readFile, unlink } from 'node:fs/promises'
import type { DeletedAccount } from '@strongroom/client'
import { EXIT } from './exit-codes.ts'
import { CliError, UsageError } from './failure.ts'
import { quoted } from './output.ts'
import { systemErrorText } from './system-errors.ts'

const FORMAT = 1
const MAX_BYTES = 64 * 1024

/** A file for a receipt, made before the account is deleted, so that its place is sure. */
export interface ReceiptFile {
  readonly path: string
  write(deleted: DeletedAccount): Promise<void>
  /** Takes the empty file away again. */
  discard(): Promise<void>
}

/** @throws CliError `conflict` when it exists: nothing is ever overwritten; UsageError */
export async function createReceiptFile(path: string): Promise<ReceiptFile> {
  if (path === '' || path === '-') throw new UsageError('The receipt goes to a file: --receipt FILE.')
  let handle: FileHandle
  try {
    handle = await open(path, (await isEmptyFile(path)) ? 'r+' : 'wx')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new CliError(
        EXIT.conflict,
        `${quoted(path)} exists and is never overwritten; name another file: --receipt FILE.`,
      )
    }
    throw new CliError(
      EXIT.failed,
      `The file for the receipt cannot be made (${systemErrorText(cause)}); name another one: --receipt FILE.`,
      { cause },
    )
  }
  return {
    path,
    async write({ server, receipt }) {
      const bytes = Buffer.from(receipt ?? new Uint8Array()).toString('base64url')
      await handle.writeFile(`${JSON.stringify({ strongroomReceipt: FORMAT, server, receipt: bytes }, null, 2)}\n`)
      await handle.sync()
      await handle.close()
    },
    async discard() {
      await handle.close()
      await unlink(path)
    },
  }
}

/** What an earlier attempt has left that was killed. */
async function isEmptyFile(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null)
  return found?.isFile() === true && found.size === 0
}

/** The receipt in a file, not yet checked. @throws CliError `integrity` when it is none, `failed` */
export async function readReceiptFile(path: string): Promise<Uint8Array> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new CliError(
      missing ? EXIT.notFound : EXIT.failed,
      `${quoted(path)} cannot be read (${systemErrorText(cause)}).`,
      { cause },
    )
  }
  const stored = text.length > MAX_BYTES ? null : parse(text)
  if (stored?.strongroomReceipt !== undefined && stored.strongroomReceipt !== FORMAT) {
    throw new CliError(EXIT.integrity, `${quoted(path)} was made by a newer program; upgrade this one.`)
  }
  const { receipt } = stored ?? {}
  if (typeof receipt !== 'string' || !/^[A-Za-z0-9_-]+$/.test(receipt)) {
    throw new CliError(EXIT.integrity, `${quoted(path)} is no receipt, or is damaged.`)
  }
  return new Uint8Array(Buffer.from(receipt, 'base64url'))
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}
