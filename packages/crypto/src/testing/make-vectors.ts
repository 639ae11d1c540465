import { Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core'
import { XWing } from '@hpke/hybridkem-x-wing'
import { createContentEncryptor } from '../content/content.ts'
import { partsRoot } from '../content/parts-root.ts'
import { derive, extract } from '../derive.ts'
import type { Bytes } from '../encoding.ts'
import { concat, toHex, u8, u32, u64, utf8 } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { asAccountId, asBlobId, asVaultId } from '../ids.ts'
import { passwordKek, recoveryAuth, recoveryKek, sealAccountKey } from '../keys/account-key.ts'
import { xwingPublicKey } from '../keys/hpke.ts'
import { createCard } from '../keys/identity.ts'
import { type Keyring, sealKeyring } from '../keys/keyring.ts'
import { pbkdf2Password } from '../keys/pbkdf2-password.ts'
import { formatRecoveryKey } from '../keys/recovery-key.ts'
import { vaultKeyCommitment, vaultKeys } from '../keys/vault-keys.ts'
import type { DeriveLabel, SealType } from '../labels.ts'
import { LABELS, labelPrefix } from '../labels.ts'
import { padObject } from '../padding.ts'
import { seal, sealContext } from '../seal.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import { asAccountKey, asDek, asKek, asRecoveryKey, asVaultKey, SecretBytes as Secret } from '../secret-bytes.ts'
import { contentLayout } from '../sizes.ts'

/** One scenario: a kind that says which fields follow, and what must come out. */
export type Vector = { readonly kind: string; readonly about: string; readonly expect: string } & Record<
  string,
  unknown
>

/** Bytes start, start + 1, … modulo 251: inputs that are easy to make again. */
export function pattern(length: number, start = 0): Bytes {
  return Uint8Array.from({ length }, (_, i) => (start + i) % 251)
}

/** An engine whose randomness is given; throws when it is asked for more than is left. */
export function withRandomness(engine: CryptoEngine, random: Bytes): CryptoEngine {
  let offset = 0
  return {
    ...engine,
    randomBytes: (length) => {
      if (offset + length > random.length) throw new RangeError('more randomness than the vector holds')
      offset += length
      return random.slice(offset - length, offset)
    },
  }
}

const KEY = pattern(32, 1)
const ACCOUNT = asAccountId(pattern(16, 0x10))
const VAULT = asVaultId(pattern(16, 0x30))
const BLOB = asBlobId(pattern(16, 0x50))
const hash = (start: number): Bytes => pattern(32, start)
const secret = (start: number, length = 32): SecretBytes => Secret.take(pattern(length, start))
const bare = (value: SecretBytes): string => value.use(toHex)

/** Makes every vector file of this package: name without extension, content. */
export async function makeVectors(engine: CryptoEngine): Promise<Record<string, Vector>> {
  return {
    ...(await derivations(engine)),
    ...(await sealed(engine)),
    ...(await contents(engine)),
    ...(await keyVectors(engine)),
    ...(await identity(engine)),
    ...layouts(),
    ...recoveryTexts(),
    'recovery-branches': await recoveryBranches(engine),
    'pbkdf2-password': await stretchedPassword(engine),
  }
}

async function derivations(engine: CryptoEngine): Promise<Record<string, Vector>> {
  const vectors: Record<string, Vector> = {}
  for (const [label, lengths] of Object.entries(LABELS.derive) as [DeriveLabel, readonly number[]][]) {
    const ids = pattern(
      lengths.reduce((sum, length) => sum + length, 0),
      7,
    )
    const derived = await derive(engine, Secret.copyOf(KEY), label, ids)
    const about = `derive with the label ${label}`
    const fields = { key: toHex(KEY), label, ids: toHex(ids), output: bare(derived) }
    vectors[`derive-${label}`] = { kind: 'derive', about, expect: 'success', ...fields }
  }
  const input = pattern(64, 3)
  const password = await extract(engine, Secret.copyOf(input), 'password', ACCOUNT)
  vectors['extract-password'] = {
    kind: 'extract',
    about: 'a uniform key from an OPAQUE export key',
    expect: 'success',
    input: toHex(input),
    label: 'password',
    accountId: toHex(ACCOUNT),
    output: bare(password),
    kek: bare(await passwordKek(engine, Secret.copyOf(input), ACCOUNT)),
  }
  return vectors
}

async function stretchedPassword(engine: CryptoEngine): Promise<Vector> {
  const input = { password: 'Grüße aus dem Tresor', opaquePublicKey: pattern(32, 40), login: 'ann@example.org' }
  return {
    kind: 'pbkdf2-password',
    about: 'the OPAQUE password of the profile pbkdf2-600k',
    expect: 'success',
    password: input.password,
    opaquePublicKey: toHex(input.opaquePublicKey),
    login: input.login,
    output: await pbkdf2Password(engine, input),
  }
}

async function sealed(engine: CryptoEngine): Promise<Record<string, Vector>> {
  const salt = pattern(24, 100)
  const make = async (about: string, type: SealType, ids: Bytes[], plaintext: Bytes): Promise<Vector> => {
    const context = sealContext(type, ...ids)
    const bytes = await seal(withRandomness(engine, salt), Secret.copyOf(KEY), context, plaintext)
    const inputs = { key: toHex(KEY), type, ids: ids.map(toHex), context: toHex(context.bytes), salt: toHex(salt) }
    return { kind: 'seal', about, expect: 'success', ...inputs, plaintext: toHex(plaintext), sealed: toHex(bytes) }
  }
  const body = [VAULT, u32(1), u64(2)]
  const dek = await make('a wrapped DEK', 'dek', [VAULT, u32(1), BLOB], hash(9))
  const two = await make('exactly one full chunk, so an empty one follows', 'body', body, pattern(16_384))
  const changed = (about: string, expect: string, from: Vector, fields: object): Vector => ({
    ...from,
    about,
    expect,
    ...fields,
  })
  const text = String(dek.sealed)
  return {
    'seal-dek': dek,
    'seal-empty': await make('an empty object', 'body', body, new Uint8Array(0)),
    'seal-16383': await make('the longest object of one chunk', 'body', body, pattern(16_383)),
    'seal-16384': two,
    'seal-wrong-context': changed('the blob of another DEK', 'decrypt_failed', dek, {
      ids: [VAULT, u32(1), pattern(16, 1)].map(toHex),
      context: toHex(sealContext('dek', VAULT, u32(1), pattern(16, 1)).bytes),
    }),
    'seal-wrong-key': changed('another key', 'decrypt_failed', dek, { key: toHex(hash(200)) }),
    'seal-flipped-commitment': changed('a changed commitment', 'decrypt_failed', dek, {
      sealed: `${text.slice(0, 50)}${text[50] === '0' ? '1' : '0'}${text.slice(51)}`,
    }),
    'seal-version-2': changed('a newer version', 'upgrade_required', dek, { sealed: `02${text.slice(2)}` }),
    'seal-cut-chunk': changed('the last, empty chunk is missing', 'malformed', two, {
      sealed: String(two.sealed).slice(0, -32),
    }),
    'seal-short': changed('shorter than any sealed object', 'malformed', dek, { sealed: text.slice(0, 144) }),
  }
}

async function contents(engine: CryptoEngine): Promise<Record<string, Vector>> {
  const make = async (about: string, size: number): Promise<Vector> => {
    const layout = contentLayout(size)
    const random = pattern(32 + 12 * layout.segmentCount, 60)
    const fixed = withRandomness(engine, random)
    const content = { dek: asDek(Secret.copyOf(KEY)), blobId: BLOB }
    const encryptor = await createContentEncryptor(fixed, content)
    const part = { firstSegment: 0, plaintext: pattern(size), paddedLength: layout.paddedSize, final: true }
    const blob = await encryptor.encryptPart(part)
    const digest = await engine.sha256(blob)
    const place = { blobId: BLOB, blobLength: layout.blobLength, partSize: layout.partSize, digests: digest }
    return {
      kind: 'content',
      about: `${about}; plaintext byte i is i mod 251`,
      expect: 'success',
      dek: toHex(KEY),
      blobId: toHex(BLOB),
      random: toHex(random),
      size,
      header: toHex(encryptor.header),
      blobLength: blob.length,
      blobStart: toHex(blob.subarray(0, 48)),
      blobSha256: toHex(digest),
      partsRoot: toHex(await partsRoot(engine, place)),
    }
  }
  return {
    'content-empty': await make('an empty file: one empty segment', 0),
    'content-small': await make('a file under one segment', 700),
    'content-three-segments': await make('a file of three segments', 700_000),
  }
}

async function keyVectors(engine: CryptoEngine): Promise<Record<string, Vector>> {
  const epoch = { vaultId: VAULT, epoch: 3 }
  const vaultKey = asVaultKey(secret(70))
  const keys = await vaultKeys(engine, vaultKey, epoch)
  const salt = pattern(24, 5)
  const place = { accountId: ACCOUNT, method: 1, version: 4 } as const
  const accountKey = secret(90)
  const envelope = await sealAccountKey(
    withRandomness(engine, salt),
    asKek(Secret.copyOf(KEY)),
    place,
    asAccountKey(accountKey),
  )
  return {
    'vault-keys': {
      kind: 'vault-keys',
      about: 'the keys of a vault epoch',
      expect: 'success',
      vaultKey: bare(vaultKey),
      vaultId: toHex(VAULT),
      epoch: 3,
      logKey: bare(keys.logKey),
      checkpointKey: bare(keys.checkpointKey),
      dekKek: bare(keys.dekKek),
      commitment: toHex(await vaultKeyCommitment(engine, vaultKey, epoch)),
    },
    'account-key-envelope': {
      kind: 'seal',
      about: 'the account key under a password KEK',
      expect: 'success',
      key: toHex(KEY),
      type: 'account-key',
      ids: [ACCOUNT, u8(1), u64(4)].map(toHex),
      context: toHex(sealContext('account-key', ACCOUNT, u8(1), u64(4)).bytes),
      salt: toHex(salt),
      plaintext: bare(accountKey),
      sealed: toHex(envelope),
    },
    keyring: await keyringVector(engine),
  }
}

async function keyringVector(engine: CryptoEngine): Promise<Vector> {
  const random = pattern(24, 8)
  const keyring: Keyring = {
    version: 2,
    accountId: ACCOUNT,
    identitySeeds: { ed25519: secret(11), xwing: secret(12), oldXwing: [secret(13)] },
    vaultId: VAULT,
    genesisHash: hash(14),
    vaultKey: asVaultKey(secret(15)),
    vaultEpoch: 3,
    anchor: { seq: 300, commitHash: hash(16), membersHash: hash(17) },
  }
  const sealedKeyring = await sealKeyring(withRandomness(engine, random), asAccountKey(secret(90)), keyring)
  const { identitySeeds: seeds, anchor } = keyring
  return {
    kind: 'keyring',
    about: 'a keyring with one old X-Wing seed',
    expect: 'success',
    accountKey: toHex(hash(90)),
    salt: toHex(random),
    version: keyring.version,
    accountId: toHex(ACCOUNT),
    ed25519Seed: bare(seeds.ed25519),
    xwingSeed: bare(seeds.xwing),
    oldXwingSeeds: seeds.oldXwing.map(bare),
    vaultId: toHex(VAULT),
    genesisHash: toHex(keyring.genesisHash),
    vaultKey: bare(keyring.vaultKey),
    vaultEpoch: keyring.vaultEpoch,
    anchor: { seq: anchor.seq, commitHash: toHex(anchor.commitHash), membersHash: toHex(anchor.membersHash) },
    sealed: toHex(sealedKeyring),
  }
}

async function identity(engine: CryptoEngine): Promise<Record<string, Vector>> {
  const first = { ed25519: secret(21), xwing: secret(22) }
  const second = { ed25519: secret(23), xwing: secret(24) }
  const about = { accountId: ACCOUNT, timeMs: 1_700_000_000_000 }
  const one = await createCard(engine, first, about)
  const two = await createCard(engine, second, about, { hash: one.hash, seed: first.ed25519 })
  const card = (text: string, expect: string, bytes: Bytes, more: object): Vector => ({
    kind: 'card',
    about: text,
    expect,
    bytes: toHex(bytes),
    ...more,
  })
  const smallOrder = one.bytes.slice()
  smallOrder.set(concat(u8(1), new Uint8Array(31)), 18)
  const flipped = one.bytes.slice()
  flipped.set([0xff], 1270)
  const seeds = { ed25519Seed: bare(first.ed25519), xwingSeed: bare(first.xwing) }
  return {
    'card-first': card('a first card', 'success', one.bytes, { ...seeds, ...plainIds(about), hash: toHex(one.hash) }),
    'card-second': card('a card that follows the first', 'success', two.bytes, {
      hash: toHex(two.hash),
      previous: toHex(one.bytes),
    }),
    'card-small-order': card('a card with a key of small order', 'invalid_key', smallOrder, {}),
    'card-changed-time': card('a card whose time was changed', 'decrypt_failed', flipped, {}),
    'hpke-vault-key': await hpkeVector(),
  }
}

function plainIds(about: { accountId: Bytes; timeMs: number }): object {
  return { accountId: toHex(about.accountId), timeMs: about.timeMs }
}

/** Made with the library's own deterministic encapsulation, not with this package's code. */
async function hpkeVector(): Promise<Vector> {
  const seed = secret(22)
  const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
  const info = concat(labelPrefix('vault-key'), VAULT, u32(3), ACCOUNT)
  const publicKey = await suite.kem.deserializePublicKey((await xwingPublicKey(seed)).slice())
  const parameters = { recipientPublicKey: publicKey, info: info.slice(), ekm: pattern(64, 33) }
  const sender = await suite.createSenderContext(parameters)
  const vaultKey = hash(70)
  const ciphertext = new Uint8Array(await sender.seal(vaultKey.slice()))
  return {
    kind: 'hpke',
    about: 'a vault key wrapped for a member; the encapsulation is made from the 64 bytes of ekm',
    expect: 'success',
    xwingSeed: bare(seed),
    vaultId: toHex(VAULT),
    epoch: 3,
    accountId: toHex(ACCOUNT),
    ekm: toHex(pattern(64, 33)),
    vaultKey: toHex(vaultKey),
    wrapped: toHex(concat(u8(1), new Uint8Array(sender.enc), ciphertext)),
  }
}

function layouts(): Record<string, Vector> {
  const sizes = [0, 1, 511, 512, 513, 1_000_000, 262_112, 262_113, 8_387_584, 8_387_585, 2 ** 33, 80_000_000_000]
  const objects = [new Uint8Array(0), utf8('name'), pattern(252), pattern(253)]
  return {
    'content-layouts': {
      kind: 'layouts',
      about: 'sizes of contents and what follows from them',
      expect: 'success',
      layouts: [...sizes, 600_000_000_000].map((size) => contentLayout(size)),
    },
    'padded-objects': {
      kind: 'padded-objects',
      about: 'small objects and their padded form',
      expect: 'success',
      objects: objects.map((bytes) => ({ bytes: toHex(bytes), padded: toHex(padObject(bytes)) })),
    },
  }
}

function recoveryTexts(): Record<string, Vector> {
  const key = asRecoveryKey(secret(200, 16))
  const text = formatRecoveryKey(key)
  const swap = (position: number): string => {
    const other = text[position] === 'A' ? 'B' : 'A'
    return `${text.slice(0, position)}${other}${text.slice(position + 1)}`
  }
  const vector = (about: string, expect: string, typed: string, suspectGroups: number[]): Vector => ({
    kind: 'recovery-key',
    about,
    expect,
    key: bare(key),
    typed,
    suspectGroups,
  })
  return {
    'recovery-key': vector('as it is shown', 'success', text, []),
    'recovery-key-typed': vector('small letters, no dashes', 'success', text.replaceAll('-', '').toLowerCase(), []),
    'recovery-key-wrong-symbol': vector('a wrong symbol in group 3', 'recovery_key_invalid', swap(11), [3]),
    'recovery-key-missing-symbol': vector(
      'group 5 lacks a symbol',
      'recovery_key_invalid',
      text.slice(0, 22) + text.slice(23),
      [5],
    ),
  }
}

async function recoveryBranches(engine: CryptoEngine): Promise<Vector> {
  const key = asRecoveryKey(secret(200, 16))
  return {
    kind: 'recovery-branches',
    about: 'the two branches of a recovery key',
    expect: 'success',
    key: bare(key),
    kek: bare(await recoveryKek(engine, key)),
    auth: bare(await recoveryAuth(engine, key)),
  }
}
