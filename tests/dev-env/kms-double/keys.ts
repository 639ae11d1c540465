import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto'
import { AwsError } from './errors.ts'

const ACCOUNT = '111122223333'
const DAY_MS = 24 * 60 * 60 * 1000
const MOST_ROTATIONS = 25

interface Key {
  readonly id: string
  readonly arn: string
  readonly description: string
  readonly createdMs: number
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
  deletionMs: number | null
  readonly versions: Buffer[]
}

export type Context = Readonly<Record<string, string>>

/*
 * Ciphertext: 01 02 ‖ key id(16) ‖ u32 version ‖ nonce(12) ‖ AES-256-GCM ‖ tag(16). AAD: all before the nonce, and the
 * encryption context, sorted.
 */
const MAGIC = Buffer.of(1, 2)
const HEAD = 22
const NONCE = 12
const TAG = 16

function aad(head: Uint8Array, context: Context): Buffer {
  const pairs = Object.entries(context).sort(([left], [right]) => (left < right ? -1 : 1))
  return Buffer.concat([head, Buffer.from(JSON.stringify(pairs), 'utf8')])
}

/** Keys and aliases of one AWS account in one Region, with KMS's rules. */
export class KeyStore {
  readonly region: string
  private readonly keys = new Map<string, Key>()
  private readonly aliases = new Map<string, string>()
  private offsetMs = 0

  constructor(region: string) {
    this.region = region
  }

  nowMs(): number {
    return Date.now() + this.offsetMs
  }

  /** Moves the clock by which keys are deleted. */
  advance(ms: number): void {
    this.offsetMs += ms
    for (const key of this.keys.values()) {
      if (key.deletionMs === null || key.deletionMs > this.nowMs()) continue
      this.keys.delete(key.id)
      for (const [name, id] of this.aliases) if (id === key.id) this.aliases.delete(name)
    }
  }

  /** Ids of all keys, in an order that stays. */
  get keyIds(): string[] {
    return [...this.keys.keys()].sort()
  }

  get aliasTargets(): { name: string; target: string }[] {
    return [...this.aliases].map(([name, target]) => ({ name, target }))
  }

  get keyCount(): number {
    return this.keys.size
  }

  /** @param byAlias - whether the operation takes alias names, as only some of KMS's do */
  find(keyId: string, byAlias: boolean): Key {
    const arnPrefix = `arn:aws:kms:${this.region}:${ACCOUNT}:`
    const local = keyId.startsWith(arnPrefix) ? keyId.slice(arnPrefix.length).replace(/^key\//, '') : keyId
    if (local.startsWith('arn:')) throw new AwsError('NotFoundException', 'Invalid arn')
    if (local.startsWith('alias/') && !byAlias) throw new AwsError('NotFoundException', `Invalid keyId ${local}`)
    const id = local.startsWith('alias/') ? this.aliases.get(local) : local
    const key = id === undefined ? undefined : this.keys.get(id)
    if (key === undefined) throw new AwsError('NotFoundException', 'the key or alias does not exist')
    return key
  }

  usable(keyId: string): Key {
    const key = this.find(keyId, true)
    if (key.state === 'Disabled') throw new AwsError('DisabledException', `${key.arn} is disabled.`)
    if (key.state === 'PendingDeletion') throw this.pending(key)
    return key
  }

  private pending(key: Key): AwsError {
    return new AwsError('KMSInvalidStateException', `${key.arn} is pending deletion.`)
  }

  private notPending(keyId: string): Key {
    const key = this.find(keyId, false)
    if (key.state === 'PendingDeletion') throw this.pending(key)
    return key
  }

  create(description: string): Key {
    const id = randomUUID()
    const arn = `arn:aws:kms:${this.region}:${ACCOUNT}:key/${id}`
    const key: Key = {
      id,
      arn,
      description,
      createdMs: this.nowMs(),
      state: 'Enabled',
      deletionMs: null,
      versions: [randomBytes(32)],
    }
    this.keys.set(id, key)
    return key
  }

  /** Runs once, before the next alias is made: somebody else is faster. */
  onAlias: (() => void) | null = null

  /** The key of this description. */
  strayId(description: string): string {
    return [...this.keys.values()].find((key) => key.description === description)?.id ?? ''
  }

  createAlias(name: string, target: string): void {
    const faster = this.onAlias
    this.onAlias = null
    faster?.()
    if (!/^alias\/[a-zA-Z0-9/_-]{1,250}$/.test(name) || name.startsWith('alias/aws/')) {
      throw new AwsError('InvalidAliasNameException', 'not a name for an alias')
    }
    if (this.aliases.has(name)) throw new AwsError('AlreadyExistsException', `An alias with the name ${name} exists`)
    this.aliases.set(name, this.notPending(target).id)
  }

  updateAlias(name: string, target: string): void {
    if (!this.aliases.has(name)) throw new AwsError('NotFoundException', 'the alias does not exist')
    this.aliases.set(name, this.notPending(target).id)
  }

  setEnabled(keyId: string, enabled: boolean): void {
    this.notPending(keyId).state = enabled ? 'Enabled' : 'Disabled'
  }

  scheduleDeletion(keyId: string, days: number): Key {
    const key = this.notPending(keyId)
    key.state = 'PendingDeletion'
    key.deletionMs = this.nowMs() + days * DAY_MS
    return key
  }

  rotate(keyId: string): Key {
    const key = this.notPending(keyId)
    if (key.state === 'Disabled') throw new AwsError('DisabledException', `${key.arn} is disabled.`)
    if (key.versions.length > MOST_ROTATIONS) throw new AwsError('LimitExceededException', 'no more rotations')
    key.versions.push(randomBytes(32))
    return key
  }

  encrypt(keyId: string, plaintext: Uint8Array, context: Context): { key: Key; blob: Buffer } {
    const key = this.usable(keyId)
    const version = Buffer.alloc(4)
    version.writeUInt32BE(key.versions.length)
    const head = Buffer.concat([MAGIC, Buffer.from(key.id.replaceAll('-', ''), 'hex'), version])
    const nonce = randomBytes(NONCE)
    const cipher = createCipheriv('aes-256-gcm', key.versions.at(-1) ?? Buffer.alloc(0), nonce)
    cipher.setAAD(aad(head, context))
    return { key, blob: Buffer.concat([head, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]) }
  }

  decrypt(keyId: string | undefined, blob: Buffer, context: Context): { key: Key; plaintext: Buffer } {
    const named = keyId === undefined ? null : this.find(keyId, true)
    const invalid = new AwsError('InvalidCiphertextException')
    if (blob.length < HEAD + NONCE + TAG || !blob.subarray(0, 2).equals(MAGIC)) throw invalid
    const id = blob.toString('hex', 2, 18).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    const key = this.keys.get(id)
    if (named !== null && key !== named)
      throw new AwsError('IncorrectKeyException', 'The key ID in the request is wrong')
    if (key === undefined) throw invalid
    this.usable(key.id)
    const material = key.versions[blob.readUInt32BE(18) - 1]
    if (material === undefined) throw invalid
    const decipher = createDecipheriv('aes-256-gcm', material, blob.subarray(HEAD, HEAD + NONCE), {
      authTagLength: TAG,
    })
    decipher.setAAD(aad(blob.subarray(0, HEAD), context))
    decipher.setAuthTag(blob.subarray(blob.length - TAG))
    const plaintext = decipher.update(blob.subarray(HEAD + NONCE, blob.length - TAG))
    try {
      return { key, plaintext: Buffer.concat([plaintext, decipher.final()]) }
    } catch {
      throw invalid
    }
  }
}
