import { createHmac } from 'node:crypto'

/** The code that an authenticator shows: RFC 4226 §5.3 over RFC 6238's steps, apart from what the server computes. */
export function codeAt(secret: Uint8Array, timeMs: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(timeMs / 30_000)))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = (mac[19] ?? 0) & 15
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
