import { describe, expectTypeOf, it } from 'vitest'
import type { AccountId, BlobId } from './ids.ts'
import type { SealContext } from './seal.ts'
import type { AccountKey, Dek, Kek, SecretBytes, VaultKey } from './secret-bytes.ts'

describe('types', () => {
  it('keep keys of different purpose apart', () => {
    expectTypeOf<Dek>().not.toExtend<Kek>()
    expectTypeOf<AccountKey>().not.toExtend<VaultKey>()
    expectTypeOf<SecretBytes>().not.toExtend<Kek>()
    expectTypeOf<Kek>().toExtend<SecretBytes>()
  })

  it('keep ids of different things apart', () => {
    expectTypeOf<AccountId>().not.toExtend<BlobId>()
    expectTypeOf<Uint8Array>().not.toExtend<BlobId>()
    expectTypeOf<BlobId>().toExtend<Uint8Array>()
  })

  it('take no bare bytes for a context', () => {
    expectTypeOf<Uint8Array>().not.toExtend<SealContext>()
  })
})
