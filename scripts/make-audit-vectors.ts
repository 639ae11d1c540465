/** Writes spec/vectors/audit.json. Run: npx tsx scripts/make-audit-vectors.ts */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { auditEntryMessage, fromHex, toHex } from '@strongroom/crypto'

const [account, session, device] = ['a0', 'b1', 'c2'].map((byte) => byte.repeat(16))
const events = [
  { time: 1_790_000_000_000, event: 'registered', count: 1, session, device: null },
  { time: 1_790_000_000_250, event: 'device_named', count: 1, session, device },
  { time: 1_790_000_060_000, event: 'sign_in_failed', count: 4_294_967_295, session: null, device: null },
  { time: -1, event: 'a_code_of_the_future_with_40_characters_', count: 2, session, device },
]
const bytes = (hex: string | null | undefined) => (hex === null || hex === undefined ? null : fromHex(hex))
let hash: Uint8Array = new Uint8Array(32)
const entries = events.map((entry, index) => {
  const seq = index + 1
  const { time: timeMs, event, count } = entry
  const ids = { accountId: fromHex(account ?? ''), sessionId: bytes(entry.session), deviceId: bytes(entry.device) }
  const message = auditEntryMessage({ ...ids, seq, timeMs, event, count }, hash)
  hash = new Uint8Array(createHash('sha256').update(message).digest())
  return { seq, ...entry, message: toHex(message), hash: toHex(hash) }
})
const refused = ['', 'Signed_in', '1st', 'two words', 'x'.repeat(41), 'é']
const file = new URL('../spec/vectors/audit.json', import.meta.url)
writeFileSync(file, `${JSON.stringify({ account, entries, refusedEvents: refused }, null, 2)}\n`)
