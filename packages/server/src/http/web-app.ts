import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** A built file of the web app. */
interface WebFile {
  readonly type: string
  readonly bytes: Buffer
  readonly brotli: Buffer | null
  /** Its name changes with its content. */
  readonly immutable: boolean
}

/** The files of the web app by their address, read once. */
export type WebApp = ReadonlyMap<string, WebFile>

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.bcmap': 'application/octet-stream',
  '.pfb': 'application/octet-stream',
  '.ttf': 'font/ttf',
  '.webmanifest': 'application/manifest+json',
}
const PAGE = '/index.html'
/** Addresses that the page itself interprets. */
const SCREENS = ['/', '/files', '/files/:nodeId', '/recent', '/favourites', '/search', '/trash', '/security']
/** Draws PDFs; see `apps/web/src/pdf-frame`. */
const FRAME = '/pdf-frame.html'
const FRAME_FOLDER = '/pdf-frame/'
const HASHED_FOLDERS = ['/assets/', FRAME_FOLDER]

/**
 * Whether an address is one of the frame's files, which are the same for everyone: its document has no origin of its own, and
 * to Firefox already had none when it was asked for.
 */
export function isForAnyOrigin(address: string): boolean {
  return address === FRAME || address.startsWith(FRAME_FOLDER)
}

/** Reads a built web app: every file of a folder whose type is known, with its compressed form beside it. */
export async function readWebApp(folder: string): Promise<WebApp> {
  const files = new Map<string, WebFile>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    const type = TYPES[path.extname(entry.name)]
    if (!entry.isFile() || type === undefined) continue
    const address = `/${path.relative(folder, file).split(path.sep).join('/')}`
    files.set(address, {
      type,
      bytes: await readFile(file),
      brotli: await readFile(`${file}.br`).catch(() => null),
      immutable: HASHED_FOLDERS.some((folder) => address.startsWith(folder)),
    })
  }
  if (!files.has(PAGE)) throw new Error('the web app was not built')
  return files
}

/** What the page may load and run: its own files, and bytes from the store's origins. */
function pagePolicy(storeOrigins: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "media-src 'self' blob:",
    `connect-src ${["'self'", ...storeOrigins].join(' ')}`,
    "worker-src 'self'",
    "manifest-src 'self'",
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types strongroom',
  ].join('; ')
}

/**
 * What the frame may do that draws PDFs: run its own script in an origin of its own, without network. Its worker is made of
 * a source that the page hands it.
 */
const FRAME_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
  "require-trusted-types-for 'script'",
  'trusted-types strongroom-pdf',
  'sandbox allow-scripts',
].join('; ')

/** What answers a request for a page at an address of nothing; null for any other request. */
export type LostPage = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> | null

/** Serves the web app at `/` and at the addresses of its screens; returns what says that there is no such screen. */
export function registerWebApp(app: FastifyInstance, web: WebApp, storeOrigins: readonly string[]): LostPage {
  const policy = pagePolicy(storeOrigins)
  const send = (file: WebFile, address: string) => async (request: FastifyRequest, reply: FastifyReply) => {
    const squeezed = file.brotli !== null && /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''))
    if (squeezed) reply.header('content-encoding', 'br')
    if (address === FRAME) reply.header('x-frame-options', 'SAMEORIGIN')
    if (isForAnyOrigin(address)) {
      reply.header('access-control-allow-origin', '*').header('cross-origin-resource-policy', 'cross-origin')
    }
    return reply
      .header('content-security-policy', address === FRAME ? FRAME_POLICY : policy)
      .header('cache-control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
      .header('vary', 'accept-encoding')
      .type(file.type)
      .send(squeezed ? file.brotli : file.bytes)
  }
  for (const [address, file] of web) {
    if (address === PAGE) for (const screen of SCREENS) app.get(screen, send(file, address))
    else app.get(address, send(file, address))
  }
  return (request, reply) => {
    const page = web.get(PAGE)
    const isPage =
      request.method === 'GET' &&
      !request.url.startsWith('/v1/') &&
      /\btext\/html\b/.test(String(request.headers.accept ?? ''))
    return page === undefined || !isPage ? null : send(page, PAGE)(request, reply.code(404))
  }
}
