import { chmod, mkdtemp, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { connectSocket } from './connect.ts'
import { AdminError, toAdminError } from './errors.ts'
import type { AdminDeps, AdminOperation } from './operation.ts'
import { findOperation, runOperation } from './run.ts'
import { adminSocketOf, withShortPath } from './socket-path.ts'
import { ADMIN_VERSION, type AnswerLine, parseLine, REQUEST_BYTES, readLines, requestLine, writeLine } from './wire.ts'

const MOST_CALLS = 16
const REQUEST_MS = 10_000
/** A caller who takes nothing for so long is gone. */
const STALL_MS = 15 * 60_000
/** How long running operations may take to end when the server stops. */
const STOP_MS = 5_000
/** Where a socket is made before it has its name. */
const FOLDER_PREFIX = '.admin-'

interface ServeInput {
  readonly dataDir: string
  readonly operations: readonly AdminOperation[]
  readonly deps: AdminDeps
}

/**
 * Serves operations on `admin.sock` in the data folder, to its owner only. The caller makes sure that no other server
 * works on this folder.
 *
 * @returns what ends running operations and removes the socket
 * @throws Error when another server answers there, and the system's errors
 */
export async function serveAdmin(input: ServeInput): Promise<() => Promise<void>> {
  const stopping = new AbortController()
  const calls = new Map<Socket, Promise<void>>()
  const server = createServer((socket) => {
    const call = answer(input, socket, stopping.signal).finally(() => calls.delete(socket))
    calls.set(socket, call)
  })
  server.maxConnections = MOST_CALLS
  const path = adminSocketOf(input.dataDir)
  const inode = await bind(server, input.dataDir, path)
  return async () => {
    stopping.abort()
    server.close()
    const deadline = setTimeout(() => {
      for (const socket of calls.keys()) socket.destroy()
    }, STOP_MS)
    await Promise.all(calls.values())
    clearTimeout(deadline)
    if ((await inodeOf(path)) === inode) await unlink(path).catch(() => undefined)
  }
}

/**
 * Binds the socket and returns its inode.
 *
 * Invariant: at no moment can anyone but the owner open it. It is made in a folder that is closed to others, gets its
 * rights there, and only then its name, in one step that also replaces what a killed server has left.
 */
async function bind(server: Server, dataDir: string, path: string): Promise<number> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(FOLDER_PREFIX)) await rm(join(dataDir, name), { recursive: true, force: true })
  }
  if (await isAnswered(path)) throw new Error(`another server answers on ${path}; stop it first`)
  const folder = await mkdtemp(join(dataDir, FOLDER_PREFIX))
  try {
    const first = join(folder, 's')
    await withShortPath(first, (short) => listen(server, short))
    await chmod(first, 0o600)
    const inode = (await stat(first)).ino
    await rename(first, path)
    return inode
  } catch (error) {
    server.close()
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      // Reason: what fails later, as running out of file handles, concerns one caller, who notices.
      server.on('error', () => undefined)
      resolve()
    })
  })
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = await connectSocket(path).catch(() => null)
  socket?.destroy()
  return socket !== null
}

async function inodeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (found) => found.ino,
    () => null,
  )
}

/** One connection, from its request to its end. Never rejects. */
async function answer(input: ServeInput, socket: Socket, stopping: AbortSignal): Promise<void> {
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  socket.on('error', () => undefined)
  const signal = AbortSignal.any([gone.signal, stopping])
  const send = async (line: AnswerLine): Promise<void> => {
    const stalled = setTimeout(() => socket.destroy(), STALL_MS)
    try {
      await writeLine(socket, line)
    } finally {
      clearTimeout(stalled)
    }
  }
  try {
    const line = await answerTo(input, socket, { signal, send })
    if (!gone.signal.aborted) await send(line)
  } catch {
    // The caller is gone.
  }
  socket.end(() => socket.destroy())
}

interface Caller {
  readonly signal: AbortSignal
  readonly send: (line: AnswerLine) => Promise<void>
}

/** Reads the request, runs it and returns the last line of the answer. */
async function answerTo(input: ServeInput, socket: Socket, { signal, send }: Caller): Promise<AnswerLine> {
  const { deps, operations } = input
  const { logger } = deps
  const startMs = deps.clock.nowMs()
  let name = 'none'
  try {
    const request = await readRequest(socket)
    name = findOperation(operations, request.operation).name
    const result = await runOperation(operations, deps, request, {
      signal,
      progress: (value) => send({ progress: value as never }),
      item: (value) => send({ item: value as never }),
    })
    logger.info({ operation: name, ms: deps.clock.nowMs() - startMs }, 'admin')
    return { result }
  } catch (error) {
    const failure = toAdminError(error, signal)
    const cause = failure.cause ?? error
    const kind = cause instanceof Error ? cause.name : typeof cause
    logger.warn({ operation: name, code: failure.code, kind }, 'admin operation failed')
    return { error: { code: failure.code, message: failure.message } }
  }
}

/** @throws AdminError when it does not come in time, or is no request of this version */
async function readRequest(socket: Socket): Promise<{ operation: string; input: unknown }> {
  const deadline = setTimeout(() => socket.destroy(), REQUEST_MS)
  try {
    const bytes = socket.iterator({ destroyOnReturn: false })
    for await (const line of readLines(bytes, REQUEST_BYTES)) {
      const request = parseLine(requestLine, line)
      if (request === null) break
      if (request.version !== ADMIN_VERSION) {
        throw new AdminError('upgrade_required', 'The server speaks another version; upgrade the older side.')
      }
      return { operation: request.operation, input: request.input }
    }
    throw new AdminError('usage', 'The request cannot be read.')
  } finally {
    clearTimeout(deadline)
    // Reason: only a stream that is read notices its end; what else the caller sends is dropped.
    socket.resume()
  }
}
