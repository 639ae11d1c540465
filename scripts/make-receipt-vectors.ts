/** Writes spec/vectors/receipts.json. Run: npx tsx scripts/make-receipt-vectors.ts */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { fromHex, toHex } from '@strongroom/crypto'
import { encodeReceipt, type Receipt, receiptHashMessage, signatureMessage } from '@strongroom/crypto/envelope'

const seed = '5e'.repeat(32)
const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest())

const shared: Receipt = {
  accountId: fromHex('a0'.repeat(16)),
  scope: 'shared',
  deletedMs: 1_790_000_000_000,
  noiseFromMs: null,
  kmsKeySinceMs: 0,
  kmsKeyHash: fromHex('b1'.repeat(32)),
  outerKeys: 1,
  sessions: 2,
  vaults: 1,
  commits: 1234,
  blobs: 1000,
  bytes: 5_000_000_000,
  issuedMs: 1_790_000_000_001,
}
const own: Receipt = {
  ...shared,
  scope: 'per-user',
  noiseFromMs: 1_790_604_800_000,
  kmsKeySinceMs: 1_780_000_000_000,
  bytes: Number.MAX_SAFE_INTEGER,
  sessions: 0xffffffff,
}

function signed(body: Uint8Array) {
  const signature = sign(null, signatureMessage('receipt', sha256(receiptHashMessage(body))), key)
  return toHex(Buffer.concat([body, signature]))
}

const receipts = [shared, own].map((receipt) => {
  const { accountId, kmsKeyHash, ...fields } = receipt
  const body = encodeReceipt(receipt)
  return { accountId: toHex(accountId), kmsKeyHash: toHex(kmsKeyHash), ...fields, receipt: signed(body) }
})

/** A receipt whose body is changed in one byte and signed all the same. */
function resigned(at: number, value: number): string {
  const body = encodeReceipt(shared)
  body[at] = value
  return signed(body)
}
const valid = receipts[0]?.receipt ?? ''
const refused = [
  {
    why: 'a changed byte',
    receipt: `${valid.slice(0, 60)}${valid[60] === '0' ? '1' : '0'}${valid.slice(61)}`,
    code: 'decrypt_failed',
  },
  { why: 'a cut end', receipt: valid.slice(0, -2), code: 'malformed' },
  { why: 'another version', receipt: resigned(3, 0x32), code: 'upgrade_required' },
  { why: 'another suite', receipt: resigned(4, 2), code: 'upgrade_required' },
  { why: 'an unknown scope', receipt: resigned(5, 3), code: 'malformed' },
  { why: 'a reserved byte', receipt: resigned(6, 1), code: 'malformed' },
]
const file = new URL('../spec/vectors/receipts.json', import.meta.url)
writeFileSync(file, `${JSON.stringify({ seed, publicKey: toHex(publicKey), receipts, refused }, null, 2)}\n`)
