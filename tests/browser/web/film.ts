import { open } from 'node:fs/promises'

/*
 * Films of any size and length, made without an encoder: one AV1 picture, repeated, each time with as much padding as is
 * wanted. Every frame is a key frame, so that a player can begin anywhere.
 */

const WIDTH = 160
const HEIGHT = 90
const FRAMES_PER_SECOND = 10
const SEQUENCE = Buffer.from('0a0a00000003b4fd936be401', 'hex')
/** Colour bars, as libaom codes them. */
const BARS = Buffer.from(
  '32c0011400264000002cb828d7ff2649c3161d7c1a04b39e3906ec213d0c4eeb269773aa8f6aee9aeabd7121ee49b50208a113b524980fc45468' +
    'e1d1c68e0b9213aebd80ae4cbd278f36188b7e26b98986ce9894754d50ce41d8be36ad0c577aacb09ee8b3f8cb6b4c5d2f98f6450c852f329a7a' +
    'a0cc288765e53af8e9dc7a1a51f8946f15008349fadc0d2fed5345273a19c74317ce219f0318bcf81d04d60e27310a5fe630db28e893602846a1' +
    '9e7318277080e15b6f63f807599a2ce337bb77d8e0',
  'hex',
)

export interface FilmShape {
  readonly frames: number
  readonly frameBytes: number
  readonly container: 'mp4' | 'webm'
  /** Where the table of the frames lies. */
  readonly indexAt: 'front' | 'end'
}

/** Writes a film and returns how long it plays, in seconds. */
export async function writeFilm(to: string, shape: FilmShape): Promise<number> {
  const { before, frame, after } = shape.container === 'mp4' ? mp4(shape) : webm(shape)
  const handle = await open(to, 'w')
  await handle.write(before)
  for (let index = 0; index < shape.frames; index += 1) await handle.write(frame(index))
  await handle.write(after)
  await handle.close()
  return shape.frames / FRAMES_PER_SECOND
}

/** What a file holds, one after the other. */
interface Film {
  readonly before: Buffer
  readonly frame: (index: number) => Buffer
  readonly after: Buffer
}

/** A frame of exactly so many bytes: AV1 has units that players skip (OBU_PADDING, §5.7 of its specification). */
function paddedFrame(bytes: number): Buffer {
  const padding = bytes - SEQUENCE.length - BARS.length - 5
  const unit = Buffer.alloc(5 + padding, 0x55)
  unit[0] = 0x7a
  // LEB128 in four bytes; the last of the content must not be zero.
  for (let index = 0; index < 4; index += 1) {
    unit[1 + index] = ((padding >>> (7 * index)) & 0x7f) | (index < 3 ? 0x80 : 0)
  }
  return Buffer.concat([SEQUENCE, unit, BARS])
}

// ISO/IEC 14496-12 and the AV1 binding to it.

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4)
  })
  return bytes
}

function box(type: string, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([u32(body.length + 8), Buffer.from(type, 'latin1'), body])
}

const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)

function moov(frames: number, frameBytes: number, dataAt: number): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt16BE(WIDTH)
  size.writeUInt16BE(HEIGHT, 2)
  const visual = Buffer.concat([
    u32(0, 1, 0, 0, 0, 0),
    size,
    u32(0x480000, 0x480000, 0),
    Buffer.from([0, 1]),
    Buffer.alloc(32),
    Buffer.from([0, 24, 0xff, 0xff]),
  ])
  const av1c = box('av1C', Buffer.from('81000c00', 'hex'), SEQUENCE)
  const offsets = Buffer.alloc(frames * 8)
  for (let index = 0; index < frames; index += 1) {
    offsets.writeBigUInt64BE(BigInt(dataAt) + BigInt(index) * BigInt(frameBytes), index * 8)
  }
  const stbl = box(
    'stbl',
    box('stsd', u32(0, 1), box('av01', visual, av1c)),
    box('stts', u32(0, 1, frames, 1)),
    box('stsc', u32(0, 1, 1, 1, 1)),
    box('stsz', u32(0, frameBytes, frames)),
    box('co64', u32(0, frames), offsets),
  )
  const minf = box('minf', box('vmhd', u32(1, 0, 0)), box('dinf', box('dref', u32(0, 1), box('url ', u32(1)))), stbl)
  const hdlr = box('hdlr', u32(0, 0), Buffer.from('vide', 'latin1'), u32(0, 0, 0), Buffer.from([0]))
  const mdia = box('mdia', box('mdhd', u32(0, 0, 0, FRAMES_PER_SECOND, frames, 0x55c40000)), hdlr, minf)
  const tkhd = box('tkhd', u32(3, 0, 0, 1, 0, frames, 0, 0, 0, 0), MATRIX, u32(WIDTH << 16, HEIGHT << 16))
  const mvhd = box(
    'mvhd',
    u32(0, 0, 0, FRAMES_PER_SECOND, frames, 0x10000, 0x1000000, 0, 0),
    MATRIX,
    u32(0, 0, 0, 0, 0, 0, 2),
  )
  return box('moov', mvhd, box('trak', tkhd, mdia))
}

function mp4({ frames, frameBytes, indexAt }: FilmShape): Film {
  const sample = paddedFrame(frameBytes)
  const type = box('ftyp', Buffer.from('isom', 'latin1'), u32(0x200), Buffer.from('isomiso2av01mp41', 'latin1'))
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(frames) * BigInt(frameBytes) + 16n)
  const head = Buffer.concat([u32(1), Buffer.from('mdat', 'latin1'), length])
  const ahead = indexAt === 'front' ? moov(frames, frameBytes, 0).length : 0
  const index = moov(frames, frameBytes, type.length + ahead + head.length)
  return {
    before: Buffer.concat(indexAt === 'front' ? [type, index, head] : [type, head]),
    frame: () => sample,
    after: indexAt === 'front' ? Buffer.alloc(0) : index,
  }
}

// RFC 8794 and RFC 9559. Sizes take eight bytes, which is always allowed.

function element(id: string, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([elementHead(id, body.length), body])
}

function elementHead(id: string, length: number): Buffer {
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(length))
  size[0] = 0x01
  return Buffer.concat([Buffer.from(id, 'hex'), size])
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1')

function webm({ frames, frameBytes, indexAt }: FilmShape): Film {
  const sample = paddedFrame(frameBytes)
  const everyMs = 1_000 / FRAMES_PER_SECOND
  const cluster = (index: number): Buffer =>
    element('1f43b675', element('e7', number(index * everyMs)), element('a3', Buffer.from([0x81, 0, 0, 0x80]), sample))
  const clusterBytes = cluster(0).length
  const info = element(
    '1549a966',
    element('2ad7b1', number(1_000_000)),
    element('4489', double(frames * everyMs)),
    element('4d80', ascii('strongroom')),
    element('5741', ascii('strongroom')),
  )
  const video = element('e0', element('b0', number(WIDTH)), element('ba', number(HEIGHT)))
  const track = element(
    'ae',
    element('d7', number(1)),
    element('73c5', number(1)),
    element('83', number(1)),
    element('86', ascii('V_AV1')),
    element('63a2', Buffer.from('81000c00', 'hex'), SEQUENCE),
    video,
  )
  const tracks = element('1654ae6b', track)
  const cues = (firstCluster: number): Buffer =>
    element(
      '1c53bb6b',
      ...Array.from({ length: frames }, (_, index) =>
        element(
          'bb',
          element('b3', number(index * everyMs)),
          element('b7', element('f7', number(1)), element('f1', number(firstCluster + index * clusterBytes))),
        ),
      ),
    )
  const seek = (cuesAt: number): Buffer =>
    element(
      '114d9b74',
      element('4dbb', element('53ab', Buffer.from('1c53bb6b', 'hex')), element('53ac', number(cuesAt))),
    )
  const beforeCues = seek(0).length + info.length + tracks.length
  const firstCluster = beforeCues + (indexAt === 'front' ? cues(0).length : 0)
  const index = cues(firstCluster)
  const cuesAt = indexAt === 'front' ? beforeCues : firstCluster + frames * clusterBytes
  const length = firstCluster + frames * clusterBytes + (indexAt === 'front' ? 0 : index.length)
  const head = element(
    '1a45dfa3',
    element('4282', ascii('webm')),
    element('4287', number(4)),
    element('4285', number(2)),
  )
  const front = [head, elementHead('18538067', length), seek(cuesAt), info, tracks]
  return {
    before: Buffer.concat(indexAt === 'front' ? [...front, index] : front),
    frame: cluster,
    after: indexAt === 'front' ? Buffer.alloc(0) : index,
  }
}
