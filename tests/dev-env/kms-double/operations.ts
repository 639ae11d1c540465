import { AwsError } from './errors.ts'
import type { Context, KeyStore } from './keys.ts'

type Input = Readonly<Record<string, unknown>>
type Operation = (store: KeyStore, input: Input) => Record<string, unknown>

function invalid(what: string): AwsError {
  return new AwsError('ValidationException', `1 validation error detected: ${what}`)
}

function text(input: Input, name: string): string {
  const value = input[name]
  if (typeof value !== 'string' || value.length < 1 || value.length > 2048) throw invalid(name)
  return value
}

function blob(input: Input, name: string, most: number): Buffer {
  const value = input[name]
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw invalid(name)
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length < 1 || bytes.length > most) throw invalid(name)
  return bytes
}

function contextOf(input: Input, name: string): Context {
  const value = input[name] ?? {}
  if (typeof value !== 'object' || value === null) throw invalid(name)
  for (const [key, item] of Object.entries(value)) {
    if (key === '' || typeof item !== 'string' || item === '') throw invalid(name)
  }
  return value as Context
}

function metadata(key: ReturnType<KeyStore['find']>) {
  return {
    AWSAccountId: key.arn.split(':')[4],
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: key.createdMs / 1000,
    Description: key.description,
    Enabled: key.state === 'Enabled',
    KeyState: key.state,
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyManager: 'CUSTOMER',
    Origin: 'AWS_KMS',
    MultiRegion: false,
    ...(key.deletionMs === null ? {} : { DeletionDate: key.deletionMs / 1000 }),
  }
}

/** A page of at most `Limit` items from the marker on, which is the number of those before. */
function page<T>(input: Input, items: readonly T[]): { items: T[]; Truncated: boolean; NextMarker?: string } {
  const limit = typeof input.Limit === 'number' ? input.Limit : 50
  const from = input.Marker === undefined ? 0 : Number(text(input, 'Marker'))
  const truncated = items.length > from + limit
  const next = truncated ? { NextMarker: String(from + limit) } : {}
  return { items: items.slice(from, from + limit), Truncated: truncated, ...next }
}

/** The operations of KMS that Strongroom uses, by the name in `X-Amz-Target`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateKey: (store, input) => {
    const description = input.Description ?? ''
    if (typeof description !== 'string' || description.length > 8192) throw invalid('Description')
    return { KeyMetadata: metadata(store.create(description)) }
  },
  DescribeKey: (store, input) => ({ KeyMetadata: metadata(store.find(text(input, 'KeyId'), true)) }),
  ListKeys: (store, input) => {
    const { items, ...rest } = page(input, store.keyIds)
    return { Keys: items.map((id) => ({ KeyId: id, KeyArn: store.find(id, false).arn })), ...rest }
  },
  ListAliases: (store, input) => {
    const { items, ...rest } = page(input, store.aliasTargets)
    return { Aliases: items.map(({ name, target }) => ({ AliasName: name, TargetKeyId: target })), ...rest }
  },
  CreateAlias: (store, input) => {
    store.createAlias(text(input, 'AliasName'), text(input, 'TargetKeyId'))
    return {}
  },
  UpdateAlias: (store, input) => {
    store.updateAlias(text(input, 'AliasName'), text(input, 'TargetKeyId'))
    return {}
  },
  Encrypt: (store, input) => {
    const context = contextOf(input, 'EncryptionContext')
    const { key, blob: sealed } = store.encrypt(text(input, 'KeyId'), blob(input, 'Plaintext', 4096), context)
    return { KeyId: key.arn, CiphertextBlob: sealed.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }
  },
  Decrypt: (store, input) => {
    const context = contextOf(input, 'EncryptionContext')
    const keyId = input.KeyId === undefined ? undefined : text(input, 'KeyId')
    const { key, plaintext } = store.decrypt(keyId, blob(input, 'CiphertextBlob', 6144), context)
    return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }
  },
  ReEncrypt: (store, input) => {
    const sourceKeyId = input.SourceKeyId === undefined ? undefined : text(input, 'SourceKeyId')
    const sealed = blob(input, 'CiphertextBlob', 6144)
    const source = store.decrypt(sourceKeyId, sealed, contextOf(input, 'SourceEncryptionContext'))
    const context = contextOf(input, 'DestinationEncryptionContext')
    const moved = store.encrypt(text(input, 'DestinationKeyId'), source.plaintext, context)
    return {
      CiphertextBlob: moved.blob.toString('base64'),
      SourceKeyId: source.key.arn,
      KeyId: moved.key.arn,
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    }
  },
  EnableKey: (store, input) => {
    store.setEnabled(text(input, 'KeyId'), true)
    return {}
  },
  DisableKey: (store, input) => {
    store.setEnabled(text(input, 'KeyId'), false)
    return {}
  },
  ScheduleKeyDeletion: (store, input) => {
    const days = input.PendingWindowInDays ?? 30
    if (typeof days !== 'number' || !Number.isInteger(days) || days < 7 || days > 30) {
      throw invalid('PendingWindowInDays')
    }
    const key = store.scheduleDeletion(text(input, 'KeyId'), days)
    return {
      KeyId: key.arn,
      DeletionDate: (key.deletionMs ?? 0) / 1000,
      KeyState: key.state,
      PendingWindowInDays: days,
    }
  },
  RotateKeyOnDemand: (store, input) => ({ KeyId: store.rotate(text(input, 'KeyId')).id }),
}
