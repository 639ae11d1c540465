/** A secret that must not turn up, with a name to report it by. */
export interface Canary {
  readonly name: string
  readonly bytes: Uint8Array
}

/** One place that was searched. */
export interface Haystack {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface Needle {
  readonly canary: string
  readonly encoding: string
  readonly bytes: Buffer
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A text canary. */
export function textCanary(name: string, text: string): Canary {
  return { name, bytes: Buffer.from(text, 'utf8') }
}

/**
 * All forms in which a canary is looked for: raw, hexadecimal in both cases, base64 and base64url at their three
 * alignments, base32 (two alphabets, both cases) at its five, UTF-16 of both byte orders, percent-encoded, JSON-escaped.
 */
export function needlesOf(canary: Canary): Needle[] {
  const bytes = Buffer.from(canary.bytes)
  if (bytes.length < 8) throw new Error(`canary ${canary.name} is too short to be searched for`)
  const forms = new Map<string, Buffer>()
  forms.set('raw', bytes)
  forms.set('hex', Buffer.from(bytes.toString('hex')))
  forms.set('HEX', Buffer.from(bytes.toString('hex').toUpperCase()))
  for (let skew = 0; skew < 3; skew += 1) {
    const text = inner(bytes, skew, 3, 4, (padded) => padded.toString('base64'))
    forms.set(`base64+${skew}`, Buffer.from(text))
    forms.set(`base64url+${skew}`, Buffer.from(text.replaceAll('+', '-').replaceAll('/', '_')))
  }
  for (const [name, alphabet] of [
    ['base32', BASE32],
    ['crockford', CROCKFORD],
  ] as const) {
    for (let skew = 0; skew < 5; skew += 1) {
      const text = inner(bytes, skew, 5, 8, (padded) => base32(padded, alphabet))
      forms.set(`${name}+${skew}`, Buffer.from(text))
      forms.set(`${name}-lower+${skew}`, Buffer.from(text.toLowerCase()))
    }
  }
  const text = bytes.toString('utf8')
  if (Buffer.from(text, 'utf8').equals(bytes)) {
    forms.set('utf16le', Buffer.from(text, 'utf16le'))
    forms.set('utf16be', Buffer.from(text, 'utf16le').swap16())
    forms.set('percent', Buffer.from(encodeURIComponent(text)))
    forms.set('json', Buffer.from(JSON.stringify(text).slice(1, -1)))
  }
  return [...forms].map(([encoding, form]) => ({ canary: canary.name, encoding, bytes: form }))
}

/** Where needles were found, as "canary in encoding at place"; empty when the haystacks are clean. */
export function findNeedles(canaries: readonly Canary[], haystacks: readonly Haystack[]): string[] {
  const index = indexByBeginning(canaries.flatMap(needlesOf))
  const found = new Set<string>()
  for (const haystack of haystacks) {
    for (const needle of scan(haystack.bytes, index)) {
      found.add(`${needle.canary} in ${needle.encoding} at ${haystack.name}`)
    }
  }
  return [...found]
}

interface NeedleIndex {
  /** One byte for every possible beginning of three bytes. */
  readonly beginnings: Uint8Array
  readonly needles: ReadonlyMap<number, readonly Needle[]>
}

function indexByBeginning(all: readonly Needle[]): NeedleIndex {
  const beginnings = new Uint8Array(1 << 24)
  const needles = new Map<number, Needle[]>()
  for (const needle of all) {
    const key = needle.bytes.readUIntBE(0, 3)
    beginnings[key] = 1
    needles.set(key, [...(needles.get(key) ?? []), needle])
  }
  return { beginnings, needles }
}

// Reason: hundreds of needles in a hundred megabytes; one pass for all of them takes a second, one for each a minute.
function scan(bytes: Uint8Array, { beginnings, needles }: NeedleIndex): Set<Needle> {
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found = new Set<Needle>()
  let key = 0
  for (let end = 0; end < haystack.length; end += 1) {
    key = ((key << 8) | (haystack[end] ?? 0)) & 0xffffff
    if (end < 2 || beginnings[key] === 0) continue
    const start = end - 2
    for (const needle of needles.get(key) ?? []) {
      if (haystack.subarray(start, start + needle.bytes.length).equals(needle.bytes)) found.add(needle)
    }
  }
  return found
}

// The characters of `encode` that depend on the canary alone when `skew` foreign bytes stand before it in the group.
function inner(
  bytes: Buffer,
  skew: number,
  groupBytes: number,
  groupCharacters: number,
  encode: (b: Buffer) => string,
): string {
  const bits = (8 * groupBytes) / groupCharacters
  const text = encode(Buffer.concat([Buffer.alloc(skew), bytes, Buffer.alloc(groupBytes)]))
  return text.slice(Math.ceil((8 * skew) / bits), Math.floor((8 * (skew + bytes.length)) / bits))
}

function base32(bytes: Buffer, alphabet: string): string {
  let text = ''
  let value = 0
  let bits = 0
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet.charAt((value >>> bits) & 31)
    }
    value &= (1 << bits) - 1
  }
  return text
}

/** The canary as an innocent program would write it in each encoding, to prove that the search can find it. */
export function plantings(canary: Canary): Haystack[] {
  const before = Buffer.from('some text before ')
  const places: Haystack[] = []
  for (let skew = 0; skew < 15; skew += 1) {
    const all = Buffer.concat([before.subarray(0, skew), Buffer.from(canary.bytes), Buffer.from(' and after')])
    places.push(
      { name: `raw+${skew}`, bytes: all },
      { name: `hex+${skew}`, bytes: Buffer.from(all.toString('hex')) },
      { name: `HEX+${skew}`, bytes: Buffer.from(all.toString('hex').toUpperCase()) },
      { name: `base64+${skew}`, bytes: Buffer.from(all.toString('base64')) },
      { name: `base64url+${skew}`, bytes: Buffer.from(all.toString('base64url')) },
      { name: `base32+${skew}`, bytes: Buffer.from(base32(all, BASE32)) },
      { name: `base32-lower+${skew}`, bytes: Buffer.from(base32(all, BASE32).toLowerCase()) },
      { name: `crockford+${skew}`, bytes: Buffer.from(base32(all, CROCKFORD)) },
    )
  }
  const text = Buffer.from(canary.bytes).toString('utf8')
  if (Buffer.from(text, 'utf8').equals(Buffer.from(canary.bytes))) {
    const utf16 = Buffer.from(`x${text}y`, 'utf16le')
    places.push(
      { name: 'utf16le', bytes: utf16 },
      { name: 'utf16be', bytes: Buffer.from(utf16).swap16() },
      { name: 'percent', bytes: Buffer.from(`/v1/${encodeURIComponent(text)}?x`) },
      { name: 'json', bytes: Buffer.from(JSON.stringify({ text })) },
    )
  }
  return places
}
