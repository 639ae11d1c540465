import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { readonly type: 'minor' }) => void

let collect: Collect | null = null

/**
 * Gives back what short-lived buffers of this thread have left; costs about a millisecond. Does nothing where the
 * runtime cannot be asked.
 *
 * Reason: sockets and node:crypto answer every call with memory outside of V8's heap. V8 takes no notice of it until there
 * are tens of megabytes in each thread, and then collects everything it has, again and again.
 */
export function collectYoung(): void {
  collect ??= find()
  collect({ type: 'minor' })
}

function find(): Collect {
  setFlagsFromString('--expose-gc')
  // A context that is made with the flag has the function; flags are read when contexts are made.
  const found: unknown = runInNewContext('globalThis.gc')
  // Threads that start later need not have it, and V8 refuses code that it kept under other flags.
  setFlagsFromString('--no-expose-gc')
  return typeof found === 'function' ? (found as Collect) : () => undefined
}
