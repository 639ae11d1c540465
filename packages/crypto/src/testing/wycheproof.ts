import { isSmallOrder } from '../ed25519-encoding.ts'
import type { Bytes } from '../encoding.ts'
import { concat, fromHex, toHex } from '../encoding.ts'
import type { CryptoEngine, HashName } from '../engine.ts'
import { hkdfExpand, hkdfExtract } from '../hkdf.ts'
import { xwingPublicKey } from '../keys/hpke.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { expectBytes, expectThat, outcome } from './expect.ts'
import type { SuiteCase, VectorLoader } from './suite-case.ts'

/** A test of a Wycheproof file; every other field is a hexadecimal text or a number. */
type Test = { readonly tcId: number; readonly result: string } & Readonly<Record<string, string | number>>
interface Group {
  readonly keySize?: number
  readonly ivSize?: number
  readonly tagSize?: number
  readonly publicKey?: { readonly pk: string }
  readonly tests: readonly Test[]
}

type Check = (engine: CryptoEngine, test: Test, group: Group) => Promise<void>

/** Wycheproof's vectors for every primitive that an engine has, and X-Wing's for the public key of a seed. */
export const wycheproofCases: readonly SuiteCase[] = [
  fromFile('aes_gcm', checkAesGcm, (group) => group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128),
  fromFile('hmac_sha384', checkHmac),
  fromFile('hkdf_sha384', (engine, test) => checkHkdf(engine, test, 'SHA-384')),
  fromFile('hkdf_sha512', (engine, test) => checkHkdf(engine, test, 'SHA-512')),
  fromFile('ed25519', checkEd25519),
  fromFile('pbkdf2_hmacsha256', checkPbkdf2),
  { name: "X-Wing's draft vectors give the same public keys", run: checkXWing },
]

function fromFile(file: string, check: Check, included: (group: Group) => boolean = () => true): SuiteCase {
  return {
    name: `Wycheproof ${file} holds`,
    run: async (engine, load) => {
      const text = await load('official', `wycheproof/${file}.json`)
      if (text === null) return 'skipped'
      // The shape is Wycheproof's published schema; a field that is missing fails the check that reads it.
      const { testGroups } = JSON.parse(text) as { testGroups: Group[] }
      const groups = testGroups.filter(included)
      expectThat(groups.length > 0, 'no group applies')
      for (const group of groups) for (const test of group.tests) await check(engine, test, group)
      return undefined
    },
  }
}

async function checkAesGcm(engine: CryptoEngine, test: Test): Promise<void> {
  const key = await engine.importAesGcm(hex(test, 'key'))
  const [iv, aad, message] = [hex(test, 'iv'), hex(test, 'aad'), hex(test, 'msg')]
  const stored = concat(hex(test, 'ct'), hex(test, 'tag'))
  if (test.result === 'valid') {
    expectBytes(await key.encrypt(iv, aad, message), stored, about(test))
    expectBytes(await key.decrypt(iv, aad, stored), message, about(test))
  } else {
    expectThat((await outcome(() => key.decrypt(iv, aad, stored))) === 'decrypt_failed', about(test))
  }
}

async function checkHmac(engine: CryptoEngine, test: Test, group: Group): Promise<void> {
  const tag = await engine.hmac('SHA-384', hex(test, 'key'), hex(test, 'msg'))
  const same = toHex(tag.subarray(0, Number(group.tagSize) / 8)) === test.tag
  expectThat(same === (test.result === 'valid'), about(test))
}

async function checkHkdf(engine: CryptoEngine, test: Test, hash: HashName): Promise<void> {
  const uniform = await hkdfExtract(engine, hash, hex(test, 'salt'), hex(test, 'ikm'))
  const expand = (): Promise<Bytes> => hkdfExpand(engine, hash, uniform, hex(test, 'info'), Number(test.size))
  if (test.result === 'valid') expectBytes(await expand(), hex(test, 'okm'), about(test))
  else expectThat((await outcome(expand)) === 'size_out_of_range', about(test))
}

async function checkEd25519(engine: CryptoEngine, test: Test, group: Group): Promise<void> {
  const publicKey = fromHex(group.publicKey?.pk ?? '')
  const valid = await engine.ed25519Verify(publicKey, hex(test, 'msg'), hex(test, 'sig'))
  const expected = test.result === 'valid' && !isSmallOrder(publicKey)
  expectThat(valid === expected, about(test))
}

async function checkPbkdf2(engine: CryptoEngine, test: Test): Promise<void> {
  const iterations = Number(test.iterationCount)
  // Reason: a few tests take a million rounds; they say nothing more than the others.
  if (test.result !== 'valid' || iterations > 100_000) return
  const key = await engine.pbkdf2Sha256(hex(test, 'password'), hex(test, 'salt'), iterations, Number(test.dkLen))
  expectBytes(key, hex(test, 'dk'), about(test))
}

async function checkXWing(_: CryptoEngine, load: VectorLoader): Promise<'skipped' | undefined> {
  const text = await load('official', 'xwing-draft-vectors.json')
  if (text === null) return 'skipped'
  for (const { seed, pk } of JSON.parse(text) as { seed: string; pk: string }[]) {
    expectBytes(await xwingPublicKey(SecretBytes.take(fromHex(seed))), fromHex(pk), 'public key')
  }
  return undefined
}

function hex(test: Test, field: string): Bytes {
  return fromHex(String(test[field] ?? 'missing'))
}

function about(test: Test): string {
  return `test ${test.tcId}`
}
