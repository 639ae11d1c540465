/**
 * Short messages between all servers of one deployment. They are hints: one may be lost, and whoever waits for one
 * looks at the database before and after.
 */
export interface Signals {
  /** Sends to every server, this one included. Never throws; what cannot be sent is lost. */
  send(messages: readonly string[]): Promise<void>
  /** Hears every message, and null when some may have been missed. Returns what ends it. */
  listen(hear: (message: string | null) => void): () => void
  /** False while messages do not arrive here. */
  connected(): boolean
  close(): Promise<void>
}
