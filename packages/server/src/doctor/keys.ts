import { randomBytes } from 'node:crypto'
import { type KeyManagement, KeyManagementError } from '../ports/index.ts'
import { lineOf, type Notes } from './check.ts'

const CONTEXT = { purpose: 'doctor', check: 'round-trip' }

/**
 * The key service: whether it wraps, unwraps, and refuses what it has to.
 *
 * @param keyId - the key that is in use, as the database has it; null where there is none yet
 */
export async function checkKeys(
  keys: KeyManagement,
  keyId: string | null,
  policy: string,
  notes: Notes,
): Promise<void> {
  try {
    await keys.check()
    notes.ok('keys.reach', `the key service (${keys.kind}) answers`)
  } catch (error) {
    return notes.fail('keys.reach', lineOf(error), mendOf(error, policy))
  }
  if (keyId === null) {
    return notes.ok('keys.current', 'no key is used yet: the first start takes the one of KMS_URL, or makes it')
  }
  try {
    const state = await keys.keyState(keyId)
    if (state !== 'enabled') {
      return notes.fail(
        'keys.current',
        `the key in use is ${state.replace('_', ' ')}`,
        'enable it, or cancel its deletion',
      )
    }
    notes.ok('keys.current', 'the key in use is enabled')
    await roundTrip(keys, keyId, notes)
  } catch (error) {
    notes.fail('keys.round-trip', lineOf(error), mendOf(error, policy))
  }
}

async function roundTrip(keys: KeyManagement, keyId: string, notes: Notes): Promise<void> {
  const secret = randomBytes(32)
  const wrapped = await keys.wrap(keyId, secret, CONTEXT)
  const opened = await keys.unwrap(wrapped, CONTEXT)
  if (!secret.equals(opened)) {
    return notes.fail('keys.round-trip', 'it gives back other bytes than it was given', 'do not use this key service')
  }
  notes.ok('keys.round-trip', 'it wraps and unwraps')
  const isBound = await refuses(() => keys.unwrap(wrapped, { ...CONTEXT, check: 'another' }))
  const changed = Buffer.from(wrapped)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  const isAuthentic = await refuses(() => keys.unwrap(changed, CONTEXT))
  if (isBound && isAuthentic) return notes.ok('keys.context', 'it refuses another context, and changed bytes')
  notes.fail(
    'keys.context',
    isBound ? 'it opens bytes that were changed' : 'it opens wrapped keys under another context than they are bound to',
    'do not use this key service: stolen rows could be opened in the place of others',
  )
}

async function refuses(task: () => Promise<unknown>): Promise<boolean> {
  try {
    await task()
    return false
  } catch (error) {
    if (error instanceof KeyManagementError && error.code === 'invalid_ciphertext') return true
    throw error
  }
}

function mendOf(error: unknown, policy: string): string {
  if (/policy|allow/.test(lineOf(error))) return policy
  return 'see docs/kms.md, and that KMS_URL and the credentials are those of the servers'
}
