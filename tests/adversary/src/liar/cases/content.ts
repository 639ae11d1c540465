import { flipBit } from '../../harness/edit.ts'
import type { Lie } from '../../harness/proxy.ts'
import { type LieCase, TARGET } from '../attempt.ts'
import { errorAnswer, flipText, instead, OPEN, type OpenBody, onAnswer, onJson, STORE } from '../lies.ts'
import { recordOpened, swapOpened } from '../recordings.ts'

const CAT = ['cat', '/small.txt']

function opened(change: (blob: OpenBody['blobs'][number]) => void): () => Lie {
  return () => onJson<OpenBody>('POST', OPEN, (body) => body.blobs.forEach(change))
}

/** Lies about what a file consists of. */
export const CONTENT: readonly LieCase[] = [
  {
    name: 'flips a bit of a part',
    kind: 'flip',
    command: CAT,
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: flipBit(answer.body, 20) })),
    without: ['part digest', 'AES-GCM tag'],
    leak: 'wrong answer',
  },
  {
    name: 'flips a bit of a part that is downloaded',
    kind: 'flip',
    command: ['get', '/small.txt', `${TARGET}/small.txt`],
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: flipBit(answer.body, 20) })),
    without: ['part digest', 'AES-GCM tag'],
    leak: 'wrong answer',
  },
  {
    name: 'cuts a part short',
    kind: 'cut',
    command: CAT,
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: answer.body.subarray(0, -1) })),
    without: ['answer length', 'part digest', 'segment length word', 'AES-GCM tag'],
    leak: 'success',
  },
  {
    name: 'empties a part',
    kind: 'cut',
    command: CAT,
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: Buffer.alloc(0) })),
    without: ['answer length', 'part digest', 'shape of a part'],
    leak: 'wrong answer',
  },
  {
    name: 'extends a part',
    kind: 'extend',
    command: CAT,
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: Buffer.concat([answer.body, Buffer.of(0)]) })),
    without: [
      'longest answer of the store',
      'answer length',
      'part digest',
      'segment length word',
      'AES-GCM tag',
      'room for a part',
      'padding',
    ],
    leak: 'success',
  },
  {
    name: 'announces a longer object than the signed one',
    kind: 'extend',
    command: CAT,
    lie: () =>
      onAnswer('GET', STORE, (answer) => ({
        ...answer,
        rawHeaders: answer.rawHeaders.map((text) => text.replace(/^(bytes \d+-\d+\/)\d+$/, '$199999')),
      })),
    without: ['object length'],
    leak: 'success',
  },
  {
    name: 'says that the object is not there',
    kind: 'drop',
    command: CAT,
    lie: () => instead('GET', STORE, () => errorAnswer(404, 'not_found')),
    without: ['what a missing object means'],
    leak: 'another exit code',
  },
  {
    name: 'says that the blob is not there',
    kind: 'drop',
    command: CAT,
    lie: () => instead('POST', OPEN, () => errorAnswer(404, 'not_found')),
    without: ['what a missing blob means'],
    leak: 'another exit code',
  },
  {
    name: 'leaves out the blob that was asked for',
    kind: 'drop',
    command: CAT,
    lie: () => onJson<OpenBody>('POST', OPEN, (body) => body.blobs.splice(0)),
    without: ['a blob for each that was asked for'],
    leak: 'another exit code',
  },
  {
    name: 'changes a digest',
    kind: 'flip',
    command: CAT,
    lie: opened((blob) => {
      blob.digests = flipText(blob.digests, 0)
    }),
    without: ['digest list root', 'part digest'],
    leak: 'success',
  },
  {
    name: 'leaves the digests out',
    kind: 'cut',
    command: CAT,
    lie: opened((blob) => {
      blob.digests = ''
    }),
    without: ['number of digests'],
    leak: 'another exit code',
  },
  {
    name: 'claims another length',
    kind: 'extend',
    command: CAT,
    lie: opened((blob) => {
      blob.blobLength += 1
    }),
    without: ['blob length'],
    leak: 'success',
  },
  {
    name: 'claims a huge length',
    kind: 'huge count',
    command: CAT,
    lie: opened((blob) => {
      blob.blobLength = Number.MAX_SAFE_INTEGER
    }),
    without: ['largest blob', 'blob length'],
    leak: 'success',
  },
  {
    name: 'gives more digests than a blob can have',
    kind: 'huge count',
    command: CAT,
    lie: opened((blob) => {
      blob.digests = Buffer.alloc(10_001 * 32).toString('base64url')
    }),
    without: ['longest byte strings', 'number of digests'],
    leak: 'another exit code',
  },
  {
    name: 'changes a wrapped key',
    kind: 'flip',
    command: CAT,
    lie: opened((blob) => {
      for (const wrap of blob.wraps) wrap.bytes = flipText(wrap.bytes, -1)
    }),
    without: ['AES-GCM tag'],
    leak: 'success',
  },
  {
    name: 'gives a wrapped key of a version that does not exist',
    kind: 'unknown version',
    command: CAT,
    lie: opened((blob) => {
      for (const wrap of blob.wraps) wrap.bytes = flipText(wrap.bytes, 0)
    }),
    without: ['seal version'],
    leak: 'success',
  },
  {
    name: 'gives a wrapped key of another epoch',
    kind: 'swap keys',
    command: CAT,
    lie: opened((blob) => {
      for (const wrap of blob.wraps) wrap.epoch = 77
    }),
    without: ['epoch of a wrapped key', 'start of an epoch'],
    leak: 'another exit code',
  },
  {
    name: 'withholds the wrapped keys',
    kind: 'drop',
    command: CAT,
    lie: opened((blob) => {
      blob.wraps = []
    }),
    without: ['what a missing key means'],
    leak: 'another exit code',
  },
  {
    name: 'exchanges the wrapped keys of two files',
    kind: 'swap keys',
    command: CAT,
    lie: async (world) => {
      const other = await recordOpened(world, world.alice, '/folder/second.txt')
      return onJson<OpenBody>('POST', OPEN, ({ blobs }) => {
        for (const blob of blobs) blob.wraps = other.wraps.map((wrap) => ({ ...wrap, blobId: blob.blobId }))
      })
    },
    without: ['seal commitment', 'content header tag', 'AES-GCM tag', 'padding'],
    leak: 'wrong answer',
  },
  {
    name: 'answers with the data of another file',
    kind: 'swap blobs',
    command: CAT,
    lie: async (world) => swapOpened(await recordOpened(world, world.alice, '/folder/second.txt')),
    without: ['digest list root', 'seal commitment', 'content header tag', 'AES-GCM tag', 'padding'],
    leak: 'wrong answer',
  },
  {
    name: 'answers with the data of another file, but the right keys',
    kind: 'swap blobs',
    command: ['get', '/small.txt', `${TARGET}/small.txt`],
    lie: async (world) => {
      const { digests, url } = await recordOpened(world, world.alice, '/folder/second.txt')
      return onJson<OpenBody>('POST', OPEN, ({ blobs }) => {
        for (const blob of blobs) Object.assign(blob, { digests, url })
      })
    },
    without: ['digest list root', 'AES-GCM tag', 'padding'],
    leak: 'wrong answer',
  },
  {
    name: 'answers with the data of another account',
    kind: 'another account',
    command: CAT,
    lie: async (world) => swapOpened(await recordOpened(world, world.bob, '/small.txt')),
    without: ['digest list root', 'seal commitment', 'content header tag', 'AES-GCM tag', 'padding'],
    leak: 'wrong answer',
  },
  {
    name: 'answers a download of a folder with the data of another account',
    kind: 'another account',
    command: ['get', '-r', '/folder', TARGET],
    lie: async (world) => swapOpened(await recordOpened(world, world.bob, '/small.txt')),
    without: ['digest list root', 'seal commitment', 'content header tag', 'AES-GCM tag', 'padding'],
    leak: 'wrong answer',
  },
]
