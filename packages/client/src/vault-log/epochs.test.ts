import {
  asAccountId,
  asVaultKey,
  createCard,
  generateIdentitySeeds,
  generateVaultKey,
  hpkeSealVaultKey,
  type Keyring,
  SecretBytes,
  sealPreviousVaultKey,
  type VaultId,
  type VaultKey,
  vaultKeyCommitment,
  xwingPublicKey,
} from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { type BuiltCommit, buildCommit, createGenesis, type EpochChange, HEADER_LENGTH } from '@strongroom/vault'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { KeyringSource } from '../session/keyring-source.ts'
import type { Api } from '../transport/api.ts'
import { epochKeys } from './epochs.ts'

const engine = nodeEngine()
const EPOCHS = 5
const accountId = asAccountId(new Uint8Array(16).fill(1))
const seeds = generateIdentitySeeds(engine)
const stopped = { code: 'integrity' }

let vaultId: VaultId
let genesisHash: Uint8Array
/** By epoch; 0 is none. */
const keys: VaultKey[] = []
/** That start the epochs, in order. */
const commits: BuiltCommit[] = []
let author: Parameters<typeof buildCommit>[1]['author']

const keyOf = (epoch: number): VaultKey => keys[epoch] ?? generateVaultKey(engine)

async function epochChange(epoch: number, key: VaultKey, previous: VaultKey): Promise<EpochChange> {
  const place = { vaultId, epoch }
  const publicKey = await xwingPublicKey(seeds.xwing)
  return {
    keyCommitment: await vaultKeyCommitment(engine, key, place),
    sealedPreviousKey: await sealPreviousVaultKey(engine, key, place, previous),
    wraps: [{ accountId, wrap: await hpkeSealVaultKey(publicKey, { ...place, accountId }, key) }],
  }
}

/** A commit after one that starts an epoch, by whoever has the seed. */
async function startAfter(before: BuiltCommit, change: EpochChange, seed = seeds.ed25519): Promise<BuiltCommit> {
  return await buildCommit(engine, {
    state: before.next,
    author: { ...author, seed },
    logKey: SecretBytes.random(engine, 32),
    operations: [],
    references: { added: [], released: [] },
    changeId: engine.randomBytes(16),
    timeMs: 0,
    epochChange: change,
  })
}

beforeAll(async () => {
  const card = await createCard(engine, seeds, { accountId, timeMs: 0 })
  const deviceId = accountId as Uint8Array as Parameters<typeof createGenesis>[1]['deviceId'] // 16 bytes
  author = { accountId, deviceId, cardHash: card.hash, seed: seeds.ed25519 }
  keys.push(generateVaultKey(engine), generateVaultKey(engine))
  const publicKey = await xwingPublicKey(seeds.xwing)
  const genesis = await createGenesis(engine, {
    ...author,
    seeds,
    vaultKey: keyOf(1),
    wrapVaultKey: (id) => hpkeSealVaultKey(publicKey, { vaultId: id, epoch: 1, accountId }, keyOf(1)),
    timeMs: 0,
  })
  vaultId = genesis.vaultId
  genesisHash = genesis.hash
  commits.push(genesis)
  for (let epoch = 2; epoch <= EPOCHS; epoch += 1) {
    keys.push(generateVaultKey(engine))
    const before = commits[epoch - 2] ?? genesis
    commits.push(await startAfter(before, await epochChange(epoch, keyOf(epoch), keyOf(epoch - 1))))
  }
})

/** A commit as `headers?only=membership` shows it. */
const shown = (commit: BuiltCommit): Uint8Array =>
  commit.bytes.slice(0, HEADER_LENGTH + 64 + commit.header.sectionLength)

function serverOf(headers: readonly Uint8Array[], seqs: readonly number[] = headers.map((_, index) => index)): Api {
  const call: unknown = async (name: string, { query }: { query: { from: number } }) => {
    if (name !== 'headersRead') throw new Error(name)
    return { headers: headers.filter((_, index) => (seqs[index] ?? 0) >= query.from) }
  }
  return { server: '', call: call as Api['call'] }
}

/** A keyring that knows an epoch, and the one that the server has. */
function sourceOf(epoch: number, newest = epoch): KeyringSource {
  const at = (known: number): Keyring => {
    const { header, hash } = commits[known - 1] ?? { header: { seq: 0, membersHash: genesisHash }, hash: genesisHash }
    const anchor = { seq: header.seq, commitHash: hash, membersHash: header.membersHash }
    const vaultKey = asVaultKey(keyOf(known).clone())
    return {
      version: known,
      accountId,
      identitySeeds: seeds,
      vaultId,
      genesisHash,
      vaultKey,
      vaultEpoch: known,
      anchor,
    }
  }
  let current = at(epoch)
  return {
    get current() {
      return current
    },
    sealed: new Uint8Array(0),
    seal: async () => new Uint8Array(0),
    async refresh() {
      current = at(newest)
      return newest > epoch
    },
    adopt: async () => {},
    dispose: () => {},
  }
}

const open = (api: Api, source: KeyringSource) => epochKeys({ engine, api, vaultId, source })
const bytesOf = (key: VaultKey): string => key.use((bytes) => Buffer.from(bytes).toString('hex'))

describe('keys of epochs', () => {
  it('are found from whatever epoch the keyring knows, in whatever order they are needed', async () => {
    const epoch = fc.integer({ min: 1, max: EPOCHS })
    await fc.assert(
      fc.asyncProperty(epoch, epoch, fc.array(epoch, { minLength: 1, maxLength: 4 }), async (known, newest, wanted) => {
        const epochs = await open(serverOf(commits.map(shown)), sourceOf(known, Math.max(known, newest)))
        for (const each of wanted) {
          expect(bytesOf((await epochs.of(each)).vaultKey)).toBe(bytesOf(keyOf(each)))
        }
        epochs.dispose()
      }),
      { seed: 11, numRuns: 25 },
    )
  })

  it('are learnt one after the other while the log is read', async () => {
    const nothing = serverOf([])
    for (const known of [1, 3, EPOCHS]) {
      const epochs = await open(nothing, sourceOf(known))
      for (const [index, { section }] of commits.entries()) await epochs.learn(index + 1, section)
      for (let epoch = 1; epoch <= EPOCHS; epoch += 1) {
        expect(bytesOf((await epochs.of(epoch)).vaultKey)).toBe(bytesOf(keyOf(epoch)))
      }
    }
  })

  it('stop where the server keeps the start of an epoch back', async () => {
    for (const missing of [1, 2]) {
      const some = commits.map(shown).filter((_, index) => index !== missing)
      const seqs = [0, 1, 2, 3, 4].filter((seq) => seq !== missing)
      const epochs = await open(serverOf(some, seqs), sourceOf(EPOCHS))
      await expect(epochs.of(1)).rejects.toMatchObject(stopped)
    }
  })

  it('stop for bytes changed anywhere in what starts an epoch', async () => {
    const [first, second = new Uint8Array(0), ...later] = commits.map(shown)
    for (let at = 0; at < second.length; at += 97) {
      const changed = second.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      // The signature is not looked at on the way down: what opens under the newer key needs none.
      if (at >= HEADER_LENGTH && at < HEADER_LENGTH + 64) continue
      const epochs = await open(serverOf([first ?? second, changed, ...later]), sourceOf(EPOCHS))
      const outcome = await epochs.of(1).then(
        (found) => bytesOf(found.vaultKey),
        (error: { code: string }) => error.code,
      )
      expect([bytesOf(keyOf(1)), 'integrity', 'upgrade_required']).toContain(outcome)
    }
  })

  it('do not come from a commit that this account has not signed, though its author knows the key before', async () => {
    const stranger = generateIdentitySeeds(engine)
    const change = await epochChange(2, generateVaultKey(engine), keyOf(1))
    const signed = await startAfter(commits[0] as BuiltCommit, change)
    const forged = shown(signed)
    const epochs = async (bytes: Uint8Array) => open(serverOf([shown(commits[0] as BuiltCommit), bytes]), sourceOf(1))
    const message = forged.slice()
    const signature = await stranger.ed25519.use((seed) => engine.ed25519Sign(seed, signed.hash))
    message.set(signature, HEADER_LENGTH)
    await expect((await epochs(message)).of(2)).rejects.toMatchObject(stopped)
    // The same commit, signed by the account, is taken.
    await expect((await epochs(forged)).of(2)).resolves.toBeDefined()
  })

  it('do not come from a wrap whose author did not know the key before, nor from one that breaks its commitment', async () => {
    const before = commits[0] as BuiltCommit
    const unknown = await epochChange(2, generateVaultKey(engine), generateVaultKey(engine))
    const good = await epochChange(2, keyOf(2), keyOf(1))
    const other = await epochChange(2, generateVaultKey(engine), keyOf(1))
    for (const change of [unknown, { ...good, keyCommitment: other.keyCommitment }, { ...good, wraps: other.wraps }]) {
      const { section } = await startAfter(before, change)
      const epochs = await open(serverOf([]), sourceOf(1))
      await expect(epochs.learn(2, section)).rejects.toMatchObject(stopped)
    }
  })

  it('stop for a known key that does not fit the log', async () => {
    const { section } = await startAfter(commits[0] as BuiltCommit, await epochChange(2, keyOf(3), keyOf(1)))
    const epochs = await open(serverOf([]), sourceOf(2))
    await expect(epochs.learn(2, section)).rejects.toMatchObject(stopped)
  })
})
