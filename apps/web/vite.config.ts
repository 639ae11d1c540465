import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Draws PDFs. Its files lie apart: the server gives them to documents without an origin, which may load nothing else. */
const FRAME = 'pdf-frame'

/** Chromium starts no modules from blobs of a document without an origin: the frame's worker has to be a plain script. */
const plainWorker: Plugin = {
  name: 'plain-worker',
  transform: (code, id) => (id.includes('pdf.worker') ? code.replaceAll('import.meta.url', "''") : null),
}

function fileName(name: string, ending: string): string {
  return `${name.startsWith(FRAME) ? FRAME : 'assets'}/[name]-[hash]${ending}`
}

/** A page, a frame, their workers, and a service worker whose address stays the same. */
export default defineConfig({
  root: source('.'),
  plugins: [react()],
  worker: { format: 'es', plugins: () => [plainWorker] },
  build: {
    target: ['chrome120', 'firefox121', 'safari17'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        index: source('index.html'),
        [FRAME]: source(`${FRAME}.html`),
        'service-worker': source('src/service-worker/service-worker.ts'),
      },
      output: {
        entryFileNames: ({ name }) => (name === 'service-worker' ? 'service-worker.js' : fileName(name, '.js')),
        assetFileNames: ({ names }) => fileName(names[0] ?? '', '[extname]'),
      },
    },
  },
})
