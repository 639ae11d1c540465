import { setMaxListeners } from 'node:events'
import { nodeEngine } from '@strongroom/crypto/node'
import type { Platform } from '../../ports.ts'
import { systemClock } from '../clock.ts'
import { contentThreads } from './content-threads.ts'
import { httpTransport } from './http-transport.ts'
import { opaqueThread } from './opaque-thread.ts'
import { profileFolders, profileStore } from './profile-store.ts'
import { workerEntry } from './worker-entry.ts'

export { type FileSinkOptions, fileSink, streamSink } from './file-sink.ts'
export { fileSource, type LocalTreeOptions, linkTarget, localTree, streamSource } from './file-source.ts'
export { makeFolder } from './make-folder.ts'
export { type TreeSinkOptions, treeSink } from './tree-sink.ts'

export interface NodePlatformOptions {
  /** Folder of the profile; default STRONGROOM_HOME, else the XDG folders. */
  readonly home?: string | undefined
}

/** Node: profile in files, OPAQUE and content encryption in threads where their bundled entries exist. */
export function nodePlatform(options: NodePlatformOptions = {}): Platform {
  const engine = nodeEngine()
  return {
    engine,
    transport: httpTransport(),
    store: profileStore(profileFolders(options.home, process.env)),
    clock: { ...systemClock, sleep },
    opaque: opaqueThread(workerEntry('opaque-worker.js')),
    content: contentThreads(engine, workerEntry('content-worker.js')),
  }
}

/** Reason: as in `httpTransport`, many waiters share a signal. */
function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal !== undefined) setMaxListeners(0, signal)
  return systemClock.sleep(ms, signal)
}
