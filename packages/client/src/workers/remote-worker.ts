/** A worker of the platform: a thread in Node, a worker in browsers. */
export interface RemoteWorker {
  post(message: unknown, transfer: readonly ArrayBuffer[]): void
  /** Whether it is waited for; where the platform has it, an idle worker keeps no program alive. */
  busy(isBusy: boolean): void
  /** Ends it at once, with all that it remembers; its listeners are told nothing. */
  end(): Promise<void>
}

export interface WorkerListeners {
  message(data: unknown): void
  /** It ended by itself. */
  ended(cause: unknown): void
}

/** Says in an error's details that a worker ended by itself, its work undone. */
export const WORKER_ENDED = { reason: 'worker_ended' } as const

/** Starts a worker, which may be heard before this returns. */
export type StartWorker = (listeners: WorkerListeners) => RemoteWorker
