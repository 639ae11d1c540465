/** What is needed of OPAQUE's instance of WebAssembly, which its package keeps to itself. */
interface Instance {
  readonly memory: WebAssembly.Memory
  readonly allocate: (length: number, alignment: number) => number
  readonly free: (address: number, length: number, alignment: number) => void
}

/** Of the memory that stretching takes, and some for OPAQUE around it, in bytes. */
const WANTED = 65 * 1024 * 1024
/** Left to the rest of the machine, or of its control group: below it nothing is taken before it is needed. */
const SPARE = 4 * WANTED
const PAGE = 4096
/** Touched at once, in bytes: about a millisecond, after which messages are heard. */
const SLICE = 2 * 1024 * 1024

/**
 * Looks out for the instance when it is made, and returns what lets its allocator take the memory of a stretching, to touch
 * one page after the other while the thread has nothing else to do. What that returns gives the memory back to the
 * allocator, before the stretching, which finds it there; null where there is none to be had.
 *
 * Reason: memory that was never touched is given by the system page by page, which takes 25 ms of a login.
 */
export function watchMemory(available = () => process.availableMemory()): () => (() => void) | null {
  let found: Instance | null = null
  const { instantiate } = WebAssembly
  const watched = async (...input: Parameters<typeof instantiate>): Promise<unknown> => {
    // Reason for the cast: it takes a module that was compiled before, or else bytes.
    const made = (await instantiate(...input)) as WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource
    found ??= instanceOf('instance' in made ? made.instance : made)
    if (found !== null) WebAssembly.instantiate = instantiate
    return made
  }
  // Reason for the cast: its two forms differ in what they return, which is passed on.
  WebAssembly.instantiate = watched as typeof instantiate
  return () => (found === null || available() < SPARE ? null : take(found))
}

function instanceOf({ exports }: WebAssembly.Instance): Instance | null {
  const { memory, __wbindgen_malloc: allocate, __wbindgen_free: free } = exports
  if (!(memory instanceof WebAssembly.Memory)) return null
  if (typeof allocate !== 'function' || typeof free !== 'function') return null
  // Reason for the cast: these are the names and forms that wasm-bindgen gives every module's allocator.
  return { memory, allocate, free } as Instance
}

function take({ memory, allocate, free }: Instance): (() => void) | null {
  let address: number
  try {
    address = allocate(WANTED, 1) >>> 0
  } catch {
    // The stretching itself tells.
    return null
  }
  let isTaken = true
  const giveBack = (): void => {
    if (isTaken) free(address, WANTED, 1)
    isTaken = false
  }
  const touch = (from: number): void => {
    if (from === WANTED) giveBack()
    if (!isTaken) return
    const end = Math.min(WANTED, from + SLICE)
    // Anew each time: what else the instance does may have moved it.
    const bytes = new Uint8Array(memory.buffer, address, WANTED)
    for (let at = from; at < end; at += PAGE) bytes[at] = 0
    setImmediate(touch, end)
  }
  touch(0)
  return giveBack
}
