import { createHash, createHmac, createSecretKey, type KeyObject, pbkdf2Sync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { client, server as opaque, ready } from '@serenity-kit/opaque'
import { openKeyFile } from '../../../../packages/server/src/adapters/kms/key-file.ts'
import { type OuterPlace, openOuter } from '../../../../packages/server/src/domain/keys/outer-layer.ts'
import { envelopePlace, keyringPlace } from '../../../../packages/server/src/domain/keys/places.ts'
import type { Loot } from './loot.ts'

// A program that is given loot and a password, and says whether the loot tells that the password is right. It knows this
// project's formats, and tries what somebody would who has days for it: whatever could be an OPAQUE setup, a hash of a
// password, or a key made of one.

/** `nothing`: the loot holds nothing that this password, or any other, could be held against. */
export type Verdict = 'right' | 'wrong' | 'nothing'

/** As clients stretch: see spec/keys.md §9. */
const STRETCHINGS = [
  { 'argon2id-custom': { iterations: 3, memory: 65_536, parallelism: 4 } },
  { 'argon2id-custom': { iterations: 6, memory: 32_768, parallelism: 4 } },
] as const

export async function judge(loot: Loot, password: string): Promise<Verdict> {
  await ready
  const byOpaque = await judgeByOpaque(loot, password)
  if (byOpaque !== 'nothing') return byOpaque
  return isDirectlyKnown(loot, password) ? 'right' : 'nothing'
}

/** Plays the login of every account against whatever could be the OPAQUE setup. */
async function judgeByOpaque(loot: Loot, password: string): Promise<Verdict> {
  const unwrapped = await unwrapSetups(loot)
  let verdict: Verdict = 'nothing'
  for (const setup of [...unwrapped, ...textsIn(loot).filter(isSetup), opaque.createSetup()]) {
    for (const account of loot.tables.accounts ?? []) {
      const outcome = login(setup, String(account.opaque_record), String(account.login_hash), password)
      if (outcome === 'right') return 'right'
      // A refusal tells something only under the setup that the record was made with.
      if (outcome === 'wrong' && unwrapped.includes(setup)) verdict = 'wrong'
    }
  }
  return verdict
}

function login(serverSetup: string, registrationRecord: string, userIdentifier: string, password: string): Verdict {
  const serverIdentifier = createHash('sha256')
    .update(Buffer.from(opaque.getPublicKey(serverSetup), 'base64url'))
    .digest('hex')
  const identifiers = { server: serverIdentifier }
  const start = client.startLogin({ password })
  try {
    const { loginResponse } = opaque.startLogin({
      serverSetup,
      registrationRecord,
      startLoginRequest: start.startLoginRequest,
      userIdentifier,
      identifiers,
    })
    for (const keyStretching of STRETCHINGS) {
      const { clientLoginState } = start
      const finished = client.finishLogin({ clientLoginState, loginResponse, password, identifiers, keyStretching })
      if (finished !== undefined) return 'right'
    }
    return 'wrong'
  } catch {
    return 'nothing'
  }
}

/** Opens wrapped OPAQUE setups with the key file, where there is one. */
async function unwrapSetups(loot: Loot): Promise<string[]> {
  if (loot.keyFile === undefined) return []
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-loot-'))
  const found: string[] = []
  try {
    const file = join(folder, 'keys.json')
    await writeFile(file, loot.keyFile, { mode: 0o600 })
    const service = await openKeyFile({ file, clock: { nowMs: () => Date.now() } })
    for (const bytes of loot.objects) {
      const context = { purpose: 'opaque-setup', setup: Buffer.from(bytes.subarray(1, 17)).toString('hex') }
      const setup = await service.unwrap(bytes.subarray(17), context).catch(() => null)
      if (setup !== null) found.push((JSON.parse(Buffer.from(setup).toString('utf8')) as { opaque: string }).opaque)
    }
    await service.close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return found
}

function isSetup(text: string): boolean {
  try {
    opaque.getPublicKey(text)
    return true
  } catch {
    return false
  }
}

/** Every value of the loot as the text that OPAQUE takes. */
function textsIn(loot: Loot): string[] {
  return valuesIn(loot).flatMap((bytes) => [bytes.toString('base64url'), bytes.toString('utf8')])
}

function valuesIn({ tables, objects }: Loot): Buffer[] {
  const columns = Object.values(tables).flatMap((rows) => rows.flatMap((row) => Object.values(row)))
  const values = columns.flatMap((value) => {
    if (value instanceof Uint8Array) return [Buffer.from(value)]
    if (typeof value !== 'string') return []
    return [Buffer.from(value, 'utf8'), Buffer.from(value, 'base64url'), Buffer.from(value, 'hex')]
  })
  return [...values, ...objects.map((bytes) => Buffer.from(bytes))]
}

/** Whether a hash of the password stands anywhere, or a key made of it, or of anything that lies about, opens a row. */
function isDirectlyKnown(loot: Loot, password: string): boolean {
  const values = valuesIn(loot)
  const salts = [Buffer.alloc(0), ...values.filter((value) => value.length > 0 && value.length <= 64)]
  const hashes = salts.flatMap((salt) => hashesOf(password, salt))
  const known = new Set(hashes.map((hash) => hash.toString('hex')))
  if (values.some((value) => windowsOf(value).some((window) => known.has(window)))) return true
  const keys = [...hashes, ...values].filter((bytes) => bytes.length >= 32).map((bytes) => bytes.subarray(0, 32))
  const rows = sealedRows(loot)
  return keys.some((key) => {
    const object = createSecretKey(key)
    return rows.some(({ place, sealed }) => opens(object, place, sealed))
  })
}

/** Beginning and end of a value: where formats put hashes. */
function windowsOf(value: Buffer): string[] {
  return [16, 20, 32, 48, 64]
    .filter((length) => value.length >= length)
    .flatMap((length) => [value.subarray(0, length), value.subarray(value.length - length)])
    .map((window) => window.toString('hex'))
}

function hashesOf(password: string, salt: Buffer): Buffer[] {
  const plain = Buffer.from(password, 'utf8')
  const joined = [Buffer.concat([plain, salt]), Buffer.concat([salt, plain])]
  return [
    ...['md5', 'sha1', 'sha256', 'sha384', 'sha512'].flatMap((name) => [
      ...joined.map((bytes) => createHash(name).update(bytes).digest()),
      createHmac(name, salt).update(plain).digest(),
      createHmac(name, plain).update(salt).digest(),
    ]),
    ...[1, 1000].map((iterations) => pbkdf2Sync(plain, salt, iterations, 32, 'sha256')),
  ]
}

interface SealedRow {
  readonly place: OuterPlace
  readonly sealed: Uint8Array
}

/** Envelopes and keyrings, with the places that their outer layer names. */
function sealedRows({ tables }: Loot): SealedRow[] {
  const bytes = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array())
  const envelopes = (tables.envelopes ?? []).map((row) => ({
    place: envelopePlace(bytes(row.account_id), Number(row.method), Number(row.version)),
    sealed: bytes(row.sealed),
  }))
  const keyrings = (tables.keyrings ?? []).map((row) => ({
    place: keyringPlace(bytes(row.account_id), Number(row.version)),
    sealed: bytes(row.sealed),
  }))
  return [...envelopes, ...keyrings]
}

function opens(key: KeyObject, place: OuterPlace, sealed: Uint8Array): boolean {
  try {
    openOuter(key, place, sealed)
    return true
  } catch {
    return false
  }
}
