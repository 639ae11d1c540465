import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { API_POLICY } from './security.ts'

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }
body { max-width: 42rem; margin: 4rem auto; padding: 0 1.5rem }
pre { padding: 1rem; border: 1px solid; border-radius: .5rem; overflow-x: auto }
`

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Strongroom</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Strongroom</h1>
<p>This server stores files that were encrypted before they reached it. It can't read them, and nobody who runs it can.</p>
<p>Begin with the command line, in the project's folder:</p>
<pre>npm link
export STRONGROOM_SERVER=__URL__
strongroom register me@example.org
strongroom put -r photos /
strongroom ls /photos</pre>
<p>Whoever runs this server should back up the data folder and the key file together: without the key file nothing opens.</p>
</body>
</html>
`

/** The page at `/`: how to begin. */
export function registerStartPage(
  app: FastifyInstance,
  url: (request: { protocol: string; host: string }) => string,
): void {
  const styleHash = createHash('sha256').update(STYLE).digest('base64')
  app.get('/', async (request, reply) => {
    const page = PAGE.replace('__URL__', escapeHtml(url(request)))
    return reply
      .header('content-security-policy', `${API_POLICY}; style-src 'sha256-${styleHash}'`)
      .type('text/html; charset=utf-8')
      .send(page)
  })
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
