import { type KeyContext, KeyManagementError } from '../../ports/index.ts'

/**
 * A context as bytes: pairs sorted by name, each name and value with its length (u32) before it.
 *
 * @throws KeyManagementError `invalid_ciphertext` for an empty context: one is mandatory
 */
export function encodeContext(context: KeyContext): Buffer {
  const names = Object.keys(context).sort()
  if (names.length === 0) throw new KeyManagementError('invalid_ciphertext', 'a context is mandatory')
  const pieces: Buffer[] = []
  for (const text of names.flatMap((name) => [name, context[name] ?? ''])) {
    const bytes = Buffer.from(text, 'utf8')
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    pieces.push(length, bytes)
  }
  return Buffer.concat(pieces)
}
