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

/**
 * Looks out for the instance when it is made, and returns what lets its allocator take the memory of a stretching, touch
 * every page, and give it back: the stretching finds it there.
 *
 * Reason: memory that was never touched is given by the system page by page, which takes 25 ms of a login. Until a password
 * has to be stretched, the thread has nothing else to do.
 */
export function watchMemory(available = () => process.availableMemory()): () => boolean {
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
  return () => available() >= SPARE && touch(found)
}

function instanceOf({ exports }: WebAssembly.Instance): Instance | null {
  const { memory, __wbindgen_malloc: allocate, __wbindgen_free: free } = exports
  if (!(memory instanceof WebAssembly.Memory) || typeof allocate !== 'function' || typeof free !== 'function')
    return null
  // Reason for the cast: these are the names and forms that wasm-bindgen gives every module's allocator.
  return { memory, allocate, free } as Instance
}

function touch(instance: Instance | null): boolean {
  if (instance === null) return false
  const { memory, allocate, free } = instance
  try {
    const address = allocate(WANTED, 1) >>> 0
    const bytes = new Uint8Array(memory.buffer, address, WANTED)
    for (let at = 0; at < WANTED; at += PAGE) bytes[at] = 0
    free(address, WANTED, 1)
    return true
  } catch {
    // It is not to be had: the stretching itself tells.
    return false
  }
}
