import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeEngine } from '../engines/node.ts'
import { webCryptoEngine } from '../engines/webcrypto.ts'
import { makeVectors } from './make-vectors.ts'
import { hasOfficialVectors, loadFromDisk, OWN_VECTORS } from './node-loader.ts'
import { runCryptoSuite, SUITE_CASES } from './suite.ts'

if (!hasOfficialVectors) console.log('crypto: public test vectors are absent, their cases are skipped')

for (const engine of [nodeEngine(), webCryptoEngine()]) {
  describe(`engine ${engine.name}`, () => {
    for (const { name, run } of SUITE_CASES) {
      it(name, async (context) => {
        if ((await run(engine, loadFromDisk)) === 'skipped') context.skip()
      })
    }
  })
}

describe('runCryptoSuite', () => {
  it('reports what a broken engine fails, and skips what has no vectors', async () => {
    const broken = { ...nodeEngine(), sha256: async () => new Uint8Array(32), ed25519Verify: async () => true }
    const results = await runCryptoSuite(broken, async () => null)
    const failed = results.filter(({ ok }) => !ok).map(({ name }) => name)
    expect(failed).toEqual(['Ed25519 signs, verifies and never throws on nonsense'])
    expect(results.filter(({ skipped }) => skipped).length).toBeGreaterThan(20)
  })
})

describe('spec/vectors/crypto', () => {
  it('is exactly what scripts/make-crypto-vectors.ts makes', async () => {
    const made = await makeVectors(webCryptoEngine())
    const files = readdirSync(OWN_VECTORS).filter((file) => file !== 'index.json')
    expect(files.sort()).toEqual(
      Object.keys(made)
        .map((name) => `${name}.json`)
        .sort(),
    )
    for (const [name, vector] of Object.entries(made)) {
      expect(JSON.parse((await loadFromDisk('own', `${name}.json`)) ?? 'null'), name).toEqual(vector)
    }
    expect(JSON.parse((await loadFromDisk('own', 'index.json')) ?? 'null')).toEqual(files)
  })

  it('holds for a second implementation, in Python', (context) => {
    const script = join(OWN_VECTORS, '..', 'check_crypto.py')
    const { error, status, stdout } = spawnSync('python3', ['-B', script], { encoding: 'utf8' })
    if (error !== undefined) return context.skip()
    expect(stdout).toMatch(/^\d+ vectors checked/)
    expect(status, stdout).toBe(0)
  })
})
