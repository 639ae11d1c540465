import type { ContentRecord } from '@strongroom/vault'
import type { DriveContext } from '../drive/context.ts'
import { contentDays, dueAge, isDue, keyedContents } from './contents.ts'
import { renewContents } from './rotate-contents.ts'

/** Largest content that gets a new key because it was opened, in bytes; exclusive. */
const MOST_BYTES = 8 * 1024 * 1024
/** Most versions that share a content; more are a matter of `rotateContents`. */
const MOST_PLACES = 16
/** Most contents in the life of a session. */
const MOST_CONTENTS = 4

/** Gives contents new keys that were opened and whose keys are due: a few, in the background, and without a word. */
export interface LazyRotation {
  /** Tells of a content that was delivered. */
  opened(record: ContentRecord): void
  /** Waits for what is under way. */
  settle(): Promise<void>
  /** Why the last one failed; null when none did. */
  readonly failure: unknown
}

/**
 * Best effort: who opened the file has it already, and whatever goes wrong is left for another time.
 *
 * Invariant: a content is tried once, and the new one is as young as this device's clock says, so that none is given new
 * keys again and again.
 */
export function lazyRotation(context: () => DriveContext): LazyRotation {
  const tried = new Set<string>()
  let running: Promise<void> = Promise.resolve()
  let failure: unknown = null
  const renew = async (blobId: Uint8Array): Promise<void> => {
    const drive = context()
    const content = keyedContents(drive.log.state).find(({ record }) => record.blobId.join() === blobId.join())
    if (content === undefined || content.places.length > MOST_PLACES || failure !== null) return
    const result = await renewContents(drive, [content], { jobs: 1 })
    for (const { error } of result.failures) throw error
  }
  return {
    get failure() {
      return failure
    },
    opened(record) {
      const { log, platform } = context()
      if (contentDays(log.state) === null || tried.size >= MOST_CONTENTS || failure !== null) return
      const isWanted = record.size < MOST_BYTES && isDue(record, dueAge(log.state, undefined), platform.clock.nowMs())
      const key = record.blobId.join()
      if (!isWanted || tried.has(key) || log.role === null || log.role === 'reader') return
      tried.add(key)
      running = running.then(() =>
        renew(record.blobId).catch((error: unknown) => {
          failure = error
        }),
      )
    },
    settle: () => running,
  }
}
