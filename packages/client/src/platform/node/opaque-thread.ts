import type { OpaqueClient } from '../../ports.ts'
import { loadedOpaque } from '../../session/loaded-opaque.ts'
import { remoteOpaque } from '../../workers/remote-opaque.ts'
import { startThread } from './thread.ts'

/** OPAQUE in a thread of its own, made at the first call and ended by `close`; inline where `entry` is null. */
export function opaqueThread(entry: URL | null): OpaqueClient {
  return entry === null ? loadedOpaque() : remoteOpaque(startThread(entry))
}
