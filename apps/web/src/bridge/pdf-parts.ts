import workerScriptUrl from '../pdf-frame/worker.ts?worker&url'
import { loadFailure } from './load.ts'

const PDFJS = '/node_modules/pdfjs-dist/'

/** What the library needs for some files only: tables of characters, standard fonts, decoders of pictures. */
const URLS = Object.fromEntries(
  Object.entries(
    import.meta.glob<string>(
      [
        '/../../node_modules/pdfjs-dist/cmaps/*.bcmap',
        '/../../node_modules/pdfjs-dist/standard_fonts/*.{pfb,ttf}',
        '/../../node_modules/pdfjs-dist/wasm/{jbig2,openjpeg}.wasm',
      ],
      { query: '?url', import: 'default', eager: true },
    ),
  ).map(([path, url]) => [path.slice(path.indexOf(PDFJS) + PDFJS.length), url]),
)

/** Source of the library's worker. @throws VaultFailure `upgrade_required` or `network` */
export async function pdfWorkerScript(): Promise<string> {
  return await (await load(workerScriptUrl)).text()
}

/** A part of the library by its folder and name; null for none. @throws VaultFailure `upgrade_required` or `network` */
export async function pdfPart(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const url = Object.hasOwn(URLS, name) ? URLS[name] : undefined
  return url === undefined ? null : new Uint8Array(await (await load(url)).arrayBuffer())
}

async function load(url: string): Promise<Response> {
  const answer = await fetch(url).catch(() => null)
  if (answer === null || !answer.ok) throw await loadFailure()
  return answer
}
