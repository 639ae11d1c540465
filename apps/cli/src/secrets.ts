import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { UsageError } from './failure.ts'
import { errorText } from './system-errors.ts'

/** Longest password that is read, in bytes; keeps a wrong file from being read whole. */
const MAX_BYTES = 4096

export type Environment = Readonly<Record<string, string | undefined>>

/** Sources of a secret in the environment, by the name of the first: `NAME`, `NAME_FILE`, `NAME_COMMAND`. */
const SUFFIXES = ['', '_FILE', '_COMMAND'] as const

/**
 * The secret that the environment holds or points to, else null.
 *
 * @throws UsageError when two sources are set, or one cannot be read, or it is empty
 */
export async function secretFromEnvironment(environment: Environment, name: string): Promise<string | null> {
  const set = SUFFIXES.filter((suffix) => environment[name + suffix] !== undefined)
  if (set.length > 1) {
    throw new UsageError(`${set.map((suffix) => name + suffix).join(' and ')} are both set; keep one.`)
  }
  const suffix = set[0]
  if (suffix === undefined) return null
  const value = environment[name + suffix] as string // found to be set above
  const secret = suffix === '' ? value : withoutLineEnd(await readSource(name + suffix, value, suffix))
  if (suffix === '' && holdsOtherBytes(value)) throw new UsageError(`${name} gives bytes that are not UTF-8 text.`)
  if (secret === '') throw new UsageError(`${name + suffix} gives nothing.`)
  return secret
}

/**
 * Whether text that Node decoded held bytes that are not UTF-8: each became U+FFFD, so that passwords which differ only in
 * them would be one.
 */
export function holdsOtherBytes(text: string): boolean {
  return text.includes('\ufffd')
}

async function readSource(variable: string, value: string, suffix: '_FILE' | '_COMMAND'): Promise<string> {
  let bytes: Buffer
  try {
    bytes = suffix === '_FILE' ? await readFile(value) : await runCommand(variable, value)
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    const what = suffix === '_FILE' ? 'names a file that cannot be read' : 'cannot be run'
    throw new UsageError(`${variable} ${what} (${errorText(cause)}).`, { cause })
  }
  if (bytes.length > MAX_BYTES) throw new UsageError(`${variable} gives more than ${MAX_BYTES} bytes.`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new UsageError(`${variable} gives bytes that are not UTF-8 text.`, { cause })
  } finally {
    bytes.fill(0)
  }
}

/** Runs a command line by the shell and gives what it prints; it may ask on the terminal. */
async function runCommand(variable: string, commandLine: string): Promise<Buffer> {
  const child = spawn(commandLine, { shell: true, stdio: ['inherit', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  let length = 0
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= MAX_BYTES + 1) chunks.push(chunk)
    else {
      // Closing the pipe ends what the shell started too.
      child.stdout.destroy()
      child.kill()
    }
  })
  const status = await new Promise<string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(signal ?? (code === 0 ? '0' : `exit code ${code}`)))
  })
  if (length > MAX_BYTES) return Buffer.alloc(MAX_BYTES + 1)
  if (status !== '0') throw new UsageError(`${variable}: the command failed (${status}).`)
  return Buffer.concat(chunks)
}

// Reason: editors and `echo` end files with a line end that is no part of the password; nothing else is ever cut.
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '')
}
