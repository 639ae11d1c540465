import { type CryptoEngine, equalBytes, signatureMessage } from '@strongroom/crypto'
import { commitHash, findMember, type Member, splitCommit, type Verifier } from '@strongroom/vault'

/** A signature that is being checked. */
interface Question {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly answer: Promise<boolean>
}

/**
 * Begins to check the signatures of commits before their turns come, under the keys that the members have now; for each
 * commit the verifier to check it with.
 *
 * Reason: engines check signatures beside each other, and a log of many commits would wait for each.
 */
export function signaturesAhead(
  engine: CryptoEngine,
  commits: readonly Uint8Array[],
  members: readonly Member[],
): (bytes: Uint8Array) => Verifier {
  // What is not even a commit is told in its turn.
  const questions = new Map(commits.map((bytes) => [bytes, ask(engine, bytes, members).catch(() => null)]))
  return (bytes) => ({
    async ed25519Verify(publicKey, message, signature) {
      const asked = await questions.get(bytes)
      // Invariant: an answer counts for the very question that is asked; whatever came between, a member's new key for
      // example, makes it another one.
      const isSame =
        asked !== undefined &&
        asked !== null &&
        equalBytes(asked.publicKey, publicKey) &&
        equalBytes(asked.message, message) &&
        equalBytes(asked.signature, signature)
      return await (isSame ? asked.answer : engine.ed25519Verify(publicKey, message, signature))
    },
  })
}

async function ask(engine: CryptoEngine, bytes: Uint8Array, members: readonly Member[]): Promise<Question | null> {
  const { header, headerBytes, signature } = splitCommit(bytes)
  const member = findMember(members, header.accountId)
  if (member === null) return null
  const { publicKey } = member
  const message = signatureMessage('commit', await commitHash(engine, headerBytes))
  const answer = engine.ed25519Verify(publicKey, message, signature)
  // Whoever asks for it is told.
  answer.catch(() => undefined)
  return { publicKey, message, signature, answer }
}
