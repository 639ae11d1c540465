/* Writes spec/vectors/crypto: run with `npx tsx scripts/make-crypto-vectors.ts`; a test compares. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeEngine } from '../packages/crypto/src/engines/node.ts'
import { makeVectors } from '../packages/crypto/src/testing/make-vectors.ts'
import { OWN_VECTORS } from '../packages/crypto/src/testing/node-loader.ts'

mkdirSync(OWN_VECTORS, { recursive: true })
const vectors = await makeVectors(nodeEngine())
const write = (file: string, content: unknown): void =>
  writeFileSync(join(OWN_VECTORS, file), `${JSON.stringify(content, null, 2)}\n`)
for (const [name, vector] of Object.entries(vectors)) write(`${name}.json`, vector)
write(
  'index.json',
  Object.keys(vectors)
    .map((name) => `${name}.json`)
    .sort(),
)
