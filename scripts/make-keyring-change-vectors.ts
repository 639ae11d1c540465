/** Writes spec/vectors/keyring-change.json. Run: npx tsx scripts/make-keyring-change-vectors.ts */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'

// Made without the code that it is for: bytes joined as spec/keys.md §14 says.
const seed = '7a'.repeat(32)
const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const tail = Buffer.of(0, 1)

function scenario(name: string, accountId: string, version: number, hash: string) {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(version))
  const body = Buffer.concat([Buffer.from(accountId, 'hex'), number, Buffer.from(hash, 'hex')])
  const message = Buffer.concat([Buffer.from('strongroom/keyring-change'), tail, body])
  const prefix = Buffer.from('strongroom/keyring-change-signature')
  const signature = sign(null, Buffer.concat([prefix, tail, sha256(message)]), key).toString('hex')
  return { name, accountId, version, sha256: hash, message: message.toString('hex'), signature }
}

const scenarios = [
  scenario('the second version', 'a1'.repeat(16), 2, 'c1'.repeat(32)),
  scenario('the newest version that there can be', 'ff'.repeat(16), Number.MAX_SAFE_INTEGER, '00'.repeat(32)),
]
const file = new URL('../spec/vectors/keyring-change.json', import.meta.url)
writeFileSync(file, `${JSON.stringify({ seed, publicKey: publicKey.toString('hex'), scenarios }, null, 2)}\n`)
