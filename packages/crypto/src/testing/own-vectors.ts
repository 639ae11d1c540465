import { verifyCard } from '../card.ts'
import { createContentDecryptor, createContentEncryptor } from '../content/content.ts'
import { partsRoot } from '../content/parts-root.ts'
import { derive, extract } from '../derive.ts'
import type { Bytes } from '../encoding.ts'
import { fromHex, toHex } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { CryptoError, RecoveryKeyError } from '../errors.ts'
import { asAccountId, asBlobId, asVaultId } from '../ids.ts'
import { passwordKek, recoveryAuth, recoveryKek } from '../keys/account-key.ts'
import { hpkeOpenVaultKey } from '../keys/hpke.ts'
import { createCard } from '../keys/identity.ts'
import { openKeyring } from '../keys/keyring.ts'
import { pbkdf2Password } from '../keys/pbkdf2-password.ts'
import { formatRecoveryKey, parseRecoveryKey } from '../keys/recovery-key.ts'
import { vaultKeyCommitment, vaultKeys } from '../keys/vault-keys.ts'
import type { DeriveLabel, SealType } from '../labels.ts'
import { padObject, unpadObject } from '../padding.ts'
import { open, seal, sealContext } from '../seal.ts'
import { asAccountKey, asDek, asRecoveryKey, asVaultKey, SecretBytes } from '../secret-bytes.ts'
import { checkLayout, contentLayout } from '../sizes.ts'
import { expectBytes, expectThat, outcome } from './expect.ts'
import { pattern, type Vector, withRandomness } from './make-vectors.ts'
import type { SuiteCase } from './suite-case.ts'

/** Reads the fields of a vector; a missing or wrong one fails the case. */
class Fields {
  readonly vector: Record<string, unknown>
  constructor(vector: Record<string, unknown>) {
    this.vector = vector
  }
  text(name: string): string {
    const value = this.vector[name]
    if (typeof value !== 'string') throw new Error(`the vector lacks ${name}`)
    return value
  }
  bytes(name: string): Bytes {
    return fromHex(this.text(name))
  }
  secret(name: string): SecretBytes {
    return SecretBytes.take(this.bytes(name))
  }
  number(name: string): number {
    return Number(this.vector[name])
  }
  list(name: string): unknown[] {
    const value = this.vector[name]
    if (!Array.isArray(value)) throw new Error(`the vector lacks ${name}`)
    return value
  }
}

type Runner = (engine: CryptoEngine, fields: Fields) => Promise<void>

const RUNNERS: Readonly<Record<string, Runner>> = {
  derive: runDerive,
  extract: runExtract,
  seal: runSeal,
  content: runContent,
  'vault-keys': runVaultKeys,
  keyring: runKeyring,
  card: runCard,
  hpke: runHpke,
  layouts: runLayouts,
  'padded-objects': runPaddedObjects,
  'recovery-key': runRecoveryKey,
  'recovery-branches': runRecoveryBranches,
  'pbkdf2-password': runPbkdf2Password,
}

/** The project's own vectors, listed by `index.json` beside them. */
export const ownCases: readonly SuiteCase[] = Object.entries(RUNNERS).map(([kind, run]) => ({
  name: `spec vectors of kind ${kind} hold`,
  run: async (engine, load) => {
    const index = await load('own', 'index.json')
    if (index === null) return 'skipped'
    let count = 0
    for (const file of JSON.parse(index) as string[]) {
      const vector = JSON.parse((await load('own', file)) ?? 'null') as Vector
      if (vector.kind !== kind) continue
      count++
      const code = await outcome(() => run(engine, new Fields(vector)))
      expectThat(code === vector.expect, `${file}: ${code} instead of ${vector.expect}`)
    }
    expectThat(count > 0, 'no vector of this kind')
    return undefined
  },
}))

async function runDerive(engine: CryptoEngine, f: Fields): Promise<void> {
  const derived = await derive(engine, f.secret('key'), f.text('label') as DeriveLabel, f.bytes('ids'))
  expectSecret(derived, f, 'output')
}

async function runExtract(engine: CryptoEngine, f: Fields): Promise<void> {
  const accountId = asAccountId(f.bytes('accountId'))
  expectSecret(await extract(engine, f.secret('input'), 'password', accountId), f, 'output')
  expectSecret(await passwordKek(engine, f.secret('input'), accountId), f, 'kek')
}

async function runPbkdf2Password(engine: CryptoEngine, f: Fields): Promise<void> {
  const input = { password: f.text('password'), opaquePublicKey: f.bytes('opaquePublicKey'), login: f.text('login') }
  expectThat((await pbkdf2Password(engine, input)) === f.text('output'), 'stretched password')
}

async function runSeal(engine: CryptoEngine, f: Fields): Promise<void> {
  const context = sealContext(f.text('type') as SealType, ...f.list('ids').map((id) => fromHex(String(id))))
  expectBytes(context.bytes, f.bytes('context'), 'context')
  expectBytes(await open(engine, f.secret('key'), context, f.bytes('sealed')), f.bytes('plaintext'), 'plaintext')
  const fixed = withRandomness(engine, f.bytes('salt'))
  expectBytes(await seal(fixed, f.secret('key'), context, f.bytes('plaintext')), f.bytes('sealed'), 'sealed')
}

async function runContent(engine: CryptoEngine, f: Fields): Promise<void> {
  const content = { dek: asDek(f.secret('dek')), blobId: asBlobId(f.bytes('blobId')) }
  const size = f.number('size')
  const layout = contentLayout(size)
  const encryptor = await createContentEncryptor(withRandomness(engine, f.bytes('random')), content)
  expectBytes(encryptor.header, f.bytes('header'), 'header')
  const part = { firstSegment: 0, plaintext: pattern(size), paddedLength: layout.paddedSize, final: true }
  const blob = await encryptor.encryptPart(part)
  expectThat(blob.length === f.number('blobLength') && blob.length === layout.blobLength, 'blob length')
  expectBytes(blob.slice(0, 48), f.bytes('blobStart'), 'start of the blob')
  const digests = await engine.sha256(blob)
  expectBytes(digests, f.bytes('blobSha256'), 'hash of the blob')
  const place = { blobId: content.blobId, blobLength: blob.length, partSize: layout.partSize, digests }
  expectBytes(await partsRoot(engine, place), f.bytes('partsRoot'), 'parts root')
  const decryptor = await createContentDecryptor(engine, { ...content, header: f.bytes('header') })
  const plaintext = await decryptor.decryptPart({ firstSegment: 0, ciphertext: blob, final: true })
  expectBytes(plaintext.slice(0, size), pattern(size), 'plaintext')
}

async function runVaultKeys(engine: CryptoEngine, f: Fields): Promise<void> {
  const epoch = { vaultId: asVaultId(f.bytes('vaultId')), epoch: f.number('epoch') }
  const vaultKey = asVaultKey(f.secret('vaultKey'))
  const keys = await vaultKeys(engine, vaultKey, epoch)
  expectSecret(keys.logKey, f, 'logKey')
  expectSecret(keys.checkpointKey, f, 'checkpointKey')
  expectSecret(keys.dekKek, f, 'dekKek')
  expectBytes(await vaultKeyCommitment(engine, vaultKey, epoch), f.bytes('commitment'), 'commitment')
}

async function runKeyring(engine: CryptoEngine, f: Fields): Promise<void> {
  const place = { accountId: asAccountId(f.bytes('accountId')), version: f.number('version') }
  const keyring = await openKeyring(engine, asAccountKey(f.secret('accountKey')), place, f.bytes('sealed'))
  expectSecret(keyring.identitySeeds.ed25519, f, 'ed25519Seed')
  expectSecret(keyring.identitySeeds.xwing, f, 'xwingSeed')
  expectThat(
    JSON.stringify(keyring.identitySeeds.oldXwing.map((seed) => seed.use(toHex))) ===
      JSON.stringify(f.list('oldXwingSeeds')),
    'old seeds',
  )
  expectBytes(keyring.vaultId, f.bytes('vaultId'), 'vault id')
  expectBytes(keyring.genesisHash, f.bytes('genesisHash'), 'genesis hash')
  expectSecret(keyring.vaultKey, f, 'vaultKey')
  expectThat(keyring.vaultEpoch === f.number('vaultEpoch'), 'epoch')
  const { seq, commitHash, membersHash } = keyring.anchor
  const anchor = { seq, commitHash: toHex(commitHash), membersHash: toHex(membersHash) }
  expectThat(JSON.stringify(anchor) === JSON.stringify(f.vector.anchor), 'anchor')
}

async function runCard(engine: CryptoEngine, f: Fields): Promise<void> {
  const { previous } = f.vector
  const before = typeof previous === 'string' ? await verifyCard(engine, fromHex(previous)) : undefined
  const { card, hash } = await verifyCard(engine, f.bytes('bytes'), before)
  expectBytes(hash, f.bytes('hash'), 'hash')
  if (f.vector.ed25519Seed === undefined) return
  const seeds = { ed25519: f.secret('ed25519Seed'), xwing: f.secret('xwingSeed') }
  const made = await createCard(engine, seeds, { accountId: card.accountId, timeMs: f.number('timeMs') })
  expectBytes(made.bytes, f.bytes('bytes'), 'card')
}

async function runHpke(_: CryptoEngine, f: Fields): Promise<void> {
  const place = {
    vaultId: asVaultId(f.bytes('vaultId')),
    epoch: f.number('epoch'),
    accountId: asAccountId(f.bytes('accountId')),
  }
  expectSecret(await hpkeOpenVaultKey(f.secret('xwingSeed'), place, f.bytes('wrapped')), f, 'vaultKey')
}

async function runLayouts(_: CryptoEngine, f: Fields): Promise<void> {
  for (const expected of f.list('layouts') as ReturnType<typeof contentLayout>[]) {
    expectThat(JSON.stringify(contentLayout(expected.size)) === JSON.stringify(expected), `size ${expected.size}`)
    checkLayout(expected)
  }
}

async function runPaddedObjects(_: CryptoEngine, f: Fields): Promise<void> {
  for (const { bytes, padded } of f.list('objects') as { bytes: string; padded: string }[]) {
    expectBytes(padObject(fromHex(bytes)), fromHex(padded), 'padded')
    expectBytes(unpadObject(fromHex(padded)), fromHex(bytes), 'unpadded')
  }
}

async function runRecoveryKey(_: CryptoEngine, f: Fields): Promise<void> {
  try {
    const key = parseRecoveryKey(f.text('typed'))
    expectSecret(key, f, 'key')
    expectThat(parseRecoveryKey(formatRecoveryKey(key)).use(toHex) === f.text('key'), 'round trip')
  } catch (error) {
    const groups = error instanceof RecoveryKeyError ? error.suspectGroups : []
    if (error instanceof CryptoError) {
      expectThat(JSON.stringify(groups) === JSON.stringify(f.list('suspectGroups')), 'suspect groups')
    }
    throw error
  }
}

async function runRecoveryBranches(engine: CryptoEngine, f: Fields): Promise<void> {
  const key = asRecoveryKey(f.secret('key'))
  expectSecret(await recoveryKek(engine, key), f, 'kek')
  expectSecret(await recoveryAuth(engine, key), f, 'auth')
}

function expectSecret(secret: SecretBytes, fields: Fields, name: string): void {
  secret.use((bytes) => expectBytes(bytes, fields.bytes(name), name))
}
