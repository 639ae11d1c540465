/** Writes spec/vectors/wraps-confirmation.json. Run: npx tsx scripts/make-wraps-vectors.ts */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'

// Made without the code that it is for: bytes joined as spec/keys.md §14 says.
const seed = '6f'.repeat(32)
const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const tail = Buffer.of(0, 1)

function scenario(name: string, vaultId: string, epoch: number, wraps: { blobId: string; sha256: string }[]) {
  const body = Buffer.concat([
    Buffer.from(vaultId, 'hex'),
    u32(epoch),
    u32(wraps.length),
    ...wraps.map((wrap) => Buffer.from(wrap.blobId + wrap.sha256, 'hex')),
  ])
  const message = Buffer.concat([Buffer.from('strongroom/wraps'), tail, body])
  const signature = sign(null, Buffer.concat([Buffer.from('strongroom/wraps-signature'), tail, sha256(message)]), key)
  const fields = { name, vaultId, epoch, wraps }
  return { ...fields, message: message.toString('hex'), signature: signature.toString('hex') }
}

const wrap = (id: string, hash: string) => ({ blobId: id.repeat(16), sha256: hash.repeat(32) })
const scenarios = [
  scenario('one wrap', 'a1'.repeat(16), 2, [wrap('b1', 'c1')]),
  scenario('several, in the newest epoch that there can be', 'a2'.repeat(16), 0xffffffff, [
    wrap('00', 'ff'),
    wrap('7f', 'c2'),
    wrap('80', 'c2'),
  ]),
]
const refused = [
  { why: 'another order', wraps: [wrap('b2', 'c1'), wrap('b1', 'c1')] },
  { why: 'a blob twice', wraps: [wrap('b1', 'c1'), wrap('b1', 'c2')] },
  { why: 'a short hash', wraps: [{ blobId: 'b1'.repeat(16), sha256: 'c1'.repeat(31) }] },
]
const file = new URL('../spec/vectors/wraps-confirmation.json', import.meta.url)
writeFileSync(file, `${JSON.stringify({ seed, publicKey: publicKey.toString('hex'), scenarios, refused }, null, 2)}\n`)
