import type { Writable } from 'node:stream'
import { z } from 'zod'
import { ADMIN_ERROR_CODES, AdminError } from './errors.ts'

// [Note: Admin channel]
// One connection is one call. The caller sends one line of JSON, {version, operation, input}; the server answers in
// lines of JSON, any number of {progress} and {item}, then {result} or {error}, and closes. Whoever closes earlier
// ends the call. It is spoken only over a Unix socket that its owner alone may open: there is nothing to authenticate.

export const ADMIN_VERSION = 1
/** Longest request, in bytes. */
export const REQUEST_BYTES = 64 * 1024
/** Longest line of an answer, in bytes. */
export const ANSWER_LINE_BYTES = 16 * 1024 * 1024

export const requestLine = z.strictObject({
  version: z.number(),
  operation: z.string().max(100),
  input: z.unknown(),
})

export const answerLine = z.union([
  z.strictObject({ progress: z.json() }),
  z.strictObject({ item: z.json() }),
  z.strictObject({ result: z.unknown() }),
  z.strictObject({ error: z.strictObject({ code: z.enum(ADMIN_ERROR_CODES), message: z.string() }) }),
])
export type AnswerLine = z.infer<typeof answerLine>

/**
 * Lines of a stream, without their ends; what comes after the last line end is no line.
 *
 * @throws AdminError `failed` when a line is longer than `limit` bytes
 */
export async function* readLines(stream: AsyncIterable<Buffer>, limit: number): AsyncGenerator<string> {
  let pieces: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    let rest = chunk
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      if (length + end > limit) throw tooLong()
      yield Buffer.concat([...pieces, rest.subarray(0, end)]).toString('utf8')
      pieces = []
      length = 0
      rest = rest.subarray(end + 1)
    }
    length += rest.length
    if (length > limit) throw tooLong()
    pieces.push(rest)
  }
}

function tooLong(): AdminError {
  return new AdminError('failed', 'The other side sends more than it may.')
}

/** A line of JSON as what it must be; null where it is something else. */
export function parseLine<S extends z.ZodType>(schema: S, line: string): z.output<S> | null {
  try {
    return schema.parse(JSON.parse(line))
  } catch {
    return null
  }
}

/** Writes one line and waits while the other side is slow. Rejects when it is gone. */
export function writeLine(stream: Writable, value: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(`${JSON.stringify(value)}\n`, (error) => {
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })
}
