import { encode } from 'cborg'
import { describe, expect, it } from 'vitest'
import { derive, extract } from '../derive.ts'
import { equalBytes, toHex, u64 } from '../encoding.ts'
import { nodeEngine } from '../engines/node.ts'
import { asAccountId, asBlobId, asDeviceId, asVaultId } from '../ids.ts'
import { padObject } from '../padding.ts'
import { seal, sealContext } from '../seal.ts'
import { asKek, SecretBytes } from '../secret-bytes.ts'
import { outcome } from '../testing/expect.ts'
import {
  generateAccountKey,
  localKey,
  openAccountKey,
  passwordKek,
  recoveryAuth,
  recoveryKek,
  sealAccountKey,
  sessionKek,
} from './account-key.ts'
import { generateIdentitySeeds } from './identity.ts'
import { disposeKeyring, type Keyring, openKeyring, sealKeyring } from './keyring.ts'
import { generateRecoveryKey } from './recovery-key.ts'
import {
  checkVaultKeyCommitment,
  generateDek,
  generateVaultKey,
  openPreviousVaultKey,
  sealPreviousVaultKey,
  unwrapDek,
  vaultKeyCommitment,
  vaultKeys,
  wrapDek,
} from './vault-keys.ts'

const engine = nodeEngine()
const id = () => engine.randomBytes(16)
const accountId = asAccountId(id())
const vaultId = asVaultId(id())
const hash = () => engine.randomBytes(32)
const same = (a: SecretBytes, b: SecretBytes) => a.use((x) => b.use((y) => equalBytes(x, y)))

function newKeyring(): Keyring {
  return {
    version: 3,
    accountId,
    identitySeeds: { ...generateIdentitySeeds(engine), oldXwing: [SecretBytes.random(engine, 32)] },
    vaultId,
    genesisHash: hash(),
    vaultKey: generateVaultKey(engine),
    vaultEpoch: 2,
    anchor: { seq: 9, commitHash: hash(), membersHash: hash() },
  }
}

describe('wrapped DEKs', () => {
  it('open in their own place only', async () => {
    const vaultKey = generateVaultKey(engine)
    const { dekKek } = await vaultKeys(engine, vaultKey, { vaultId, epoch: 1 })
    const place = { vaultId, epoch: 1, blobId: asBlobId(id()) }
    const dek = generateDek(engine)
    const wrapped = await wrapDek(engine, dekKek, place, dek)
    expect(wrapped.length).toBe(105)
    expect(same(await unwrapDek(engine, dekKek, place, wrapped), dek)).toBe(true)
    for (const other of [{ epoch: 2 }, { vaultId: asVaultId(id()) }, { blobId: asBlobId(id()) }]) {
      expect(await outcome(() => unwrapDek(engine, dekKek, { ...place, ...other }, wrapped))).toBe('decrypt_failed')
    }
  })
})

describe('vault keys', () => {
  it('differ by purpose, epoch and vault', async () => {
    const vaultKey = generateVaultKey(engine)
    const seen = new Set<string>()
    for (const place of [
      { vaultId, epoch: 1 },
      { vaultId, epoch: 2 },
      { vaultId: asVaultId(id()), epoch: 1 },
    ]) {
      for (const key of Object.values(await vaultKeys(engine, vaultKey, place))) seen.add(key.use(toHex))
      seen.add(toHex(await vaultKeyCommitment(engine, vaultKey, place)))
    }
    expect(seen.size).toBe(12)
  })

  it('open the key of the epoch before and check commitments', async () => {
    const [before, after] = [generateVaultKey(engine), generateVaultKey(engine)]
    const next = { vaultId, epoch: 2 }
    const sealed = await sealPreviousVaultKey(engine, after, next, before)
    expect(same(await openPreviousVaultKey(engine, after, next, sealed), before)).toBe(true)
    expect(await outcome(() => openPreviousVaultKey(engine, after, { vaultId, epoch: 3 }, sealed))).toBe(
      'decrypt_failed',
    )
    const commitment = await vaultKeyCommitment(engine, after, next)
    expect(await outcome(() => checkVaultKeyCommitment(engine, after, next, commitment))).toBe('success')
    expect(await outcome(() => checkVaultKeyCommitment(engine, before, next, commitment))).toBe('decrypt_failed')
  })
})

describe('envelopes of the account key', () => {
  it('open with their own KEK, account, method and version only', async () => {
    const accountKey = generateAccountKey(engine)
    const kek = await passwordKek(engine, SecretBytes.random(engine, 64), accountId)
    const place = { accountId, method: 1, version: 1 } as const
    const sealed = await sealAccountKey(engine, kek, place, accountKey)
    expect(same(await openAccountKey(engine, kek, place, sealed), accountKey)).toBe(true)
    for (const other of [{ method: 2 }, { version: 2 }, { accountId: asAccountId(id()) }] as const) {
      expect(await outcome(() => openAccountKey(engine, kek, { ...place, ...other }, sealed))).toBe('decrypt_failed')
    }
    const wrong = asKek(SecretBytes.random(engine, 32))
    expect(await outcome(() => openAccountKey(engine, wrong, place, sealed))).toBe('decrypt_failed')
  })

  it('have KEKs that differ by input, account and branch', async () => {
    const input = SecretBytes.random(engine, 64)
    const recovery = generateRecoveryKey(engine)
    const accountKey = generateAccountKey(engine)
    const keys = [
      await passwordKek(engine, input, accountId),
      await passwordKek(engine, input, asAccountId(id())),
      await recoveryKek(engine, recovery),
      await recoveryAuth(engine, recovery),
      await sessionKek(engine, SecretBytes.random(engine, 32), SecretBytes.random(engine, 32)),
      await localKey(engine, accountKey, { accountId, deviceId: asDeviceId(id()) }),
      await localKey(engine, accountKey, { accountId, deviceId: asDeviceId(id()) }),
    ]
    expect(new Set(keys.map((key) => key.use(toHex))).size).toBe(keys.length)
  })

  it('are never derived from too little', async () => {
    expect(await outcome(() => derive(engine, SecretBytes.random(engine, 16), 'keyring'))).toBe('invalid_key')
    expect(await outcome(() => derive(engine, SecretBytes.random(engine, 32), 'log'))).toBe('malformed')
    const input = SecretBytes.random(engine, 64)
    expect(await outcome(() => extract(engine, input, 'password', null))).toBe('malformed')
    expect(await outcome(() => extract(engine, input, 'recovery-kek', accountId))).toBe('malformed')
  })
})

describe('keyrings', () => {
  it('round trip', async () => {
    const accountKey = generateAccountKey(engine)
    const keyring = newKeyring()
    const opened = await openKeyring(engine, accountKey, keyring, await sealKeyring(engine, accountKey, keyring))
    expect(same(opened.vaultKey, keyring.vaultKey)).toBe(true)
    expect(same(opened.identitySeeds.ed25519, keyring.identitySeeds.ed25519)).toBe(true)
    expect(same(opened.identitySeeds.xwing, keyring.identitySeeds.xwing)).toBe(true)
    expect(opened.identitySeeds.oldXwing.length).toBe(1)
    const { version, anchor, vaultEpoch, genesisHash } = keyring
    expect(opened).toMatchObject({ version, anchor, vaultEpoch, genesisHash, accountId, vaultId })
    disposeKeyring(opened)
    expect(await outcome(() => opened.vaultKey.length)).toBe('invalid_key')
  })

  it('open under their own account key, account and version only', async () => {
    const accountKey = generateAccountKey(engine)
    const sealed = await sealKeyring(engine, accountKey, newKeyring())
    for (const place of [
      { accountId, version: 4 },
      { accountId: asAccountId(id()), version: 3 },
    ]) {
      expect(await outcome(() => openKeyring(engine, accountKey, place, sealed))).toBe('decrypt_failed')
    }
    const other = generateAccountKey(engine)
    expect(await outcome(() => openKeyring(engine, other, { accountId, version: 3 }, sealed))).toBe('decrypt_failed')
  })

  it('are refused when their inside has another format, version or shape, or is not canonical', async () => {
    const accountKey = generateAccountKey(engine)
    const key = await derive(engine, accountKey, 'keyring')
    const h = hash()
    const good = [1, 3, accountId, [h, h, []], vaultId, h, h, 2, [9, h, h]].map((v) =>
      v instanceof Uint8Array ? Uint8Array.from(v) : v,
    )
    const tryCbor = async (cbor: Uint8Array) => {
      const sealed = await seal(engine, key, sealContext('keyring', accountId, u64(3)), padObject(cbor))
      return outcome(() => openKeyring(engine, accountKey, { accountId, version: 3 }, sealed))
    }
    expect(await tryCbor(encode(good))).toBe('success')
    expect(await tryCbor(encode([2, ...good.slice(1)]))).toBe('upgrade_required')
    expect(await tryCbor(encode([1, 4, ...good.slice(2)]))).toBe('malformed')
    expect(await tryCbor(encode(good.slice(0, -1)))).toBe('malformed')
    expect(await tryCbor(encode([...good, null]))).toBe('malformed')
    expect(await tryCbor(encode({ format: 1 }))).toBe('malformed')
    expect(await tryCbor(Uint8Array.of(0x9f, 0xff))).toBe('malformed')
    const long = encode(good)
    // The version 3 as a float, as a longer integer, and trailing bytes.
    expect(await tryCbor(Uint8Array.from([...long.slice(0, 2), 0xf9, 0x42, 0x00, ...long.slice(3)]))).toBe('malformed')
    expect(await tryCbor(Uint8Array.from([...long.slice(0, 2), 0x18, 0x03, ...long.slice(3)]))).toBe('malformed')
    expect(await tryCbor(Uint8Array.from([...long, 0]))).toBe('malformed')
  })
})
