import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CRYPTO_ERROR_CODES, CryptoError } from './errors.ts'

const SOURCE = dirname(fileURLToPath(import.meta.url))

/** Every file and package that an entry reaches; imports of types count too. */
function reachable(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen
  seen.add(entry)
  if (!entry.endsWith('.ts')) return seen
  const text = readFileSync(join(SOURCE, entry), 'utf8')
  for (const match of text.matchAll(/from '([^']+)'/g)) {
    const target = match[1] ?? ''
    reachable(target.startsWith('.') ? join(dirname(entry), target) : target, seen)
  }
  return seen
}

describe('package entries', () => {
  it.each(['envelope.ts', 'sizes.ts', 'errors.ts'])('%s reaches nothing that opens or holds keys', (entry) => {
    const allowed = new Set([
      'audit.ts',
      'card.ts',
      'ed25519-encoding.ts',
      'encoding.ts',
      'envelope.ts',
      'errors.ts',
      'hpke-layout.ts',
      'ids.ts',
      'keyring-change.ts',
      'labels.ts',
      'messages.ts',
      'receipt.ts',
      'sealed-layout.ts',
      'sizes.ts',
      'wraps-confirmation.ts',
    ])
    for (const file of reachable(entry)) expect(allowed.has(file), file).toBe(true)
  })

  it('keep node: behind ./node', () => {
    for (const file of reachable('index.ts')) expect(file.startsWith('node:'), file).toBe(false)
  })

  it('keep node: out of the suite that browsers run', () => {
    for (const file of reachable('testing/suite.ts')) expect(file.startsWith('node:'), file).toBe(false)
  })
})

describe('errors', () => {
  it('have a code, a message without detail and their cause', () => {
    for (const code of CRYPTO_ERROR_CODES) {
      const cause = new Error('inner')
      const error = new CryptoError(code, { cause })
      expect([error.code, error.cause, error.message.includes('inner')]).toEqual([code, cause, false])
    }
  })
})
