import { chmod, mkdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MIN_PART_SIZE, SEGMENT_LENGTH, SEGMENT_PLAINTEXT } from '@strongroom/crypto/sizes'
import { writeSparse } from './files.ts'
import { bytesFrom } from './seeded-bytes.ts'

const PART_PLAINTEXT = (MIN_PART_SIZE / SEGMENT_LENGTH) * SEGMENT_PLAINTEXT
const around = (size: number): number[] => [size - 1, size, size + 1]

/** Sizes at which the layout of a blob changes. */
export const EDGE_SIZES = [
  0,
  1,
  ...around(512),
  ...around(SEGMENT_PLAINTEXT),
  ...around(2 * SEGMENT_PLAINTEXT),
  ...around(PART_PLAINTEXT),
  ...around(MIN_PART_SIZE),
  ...around(2 * PART_PLAINTEXT),
  9 * 1024 * 1024,
]

const LONGEST = 255

/** Names that trip programs up; each is one folder entry. */
export const NAMES = [
  'plain.txt',
  '-rf',
  '--help',
  ' leading space',
  'trailing space ',
  'trailing dot.',
  '...',
  'two  spaces',
  'tab\there',
  'line\nbreak',
  'back\\slash',
  '"quotes" and \'quotes\'',
  '$HOME `id` $(id)',
  '*?[a-z]{b}',
  'percent %2F%00',
  'con.txt',
  'a:b|c<d>e',
  '\u001b[31mred',
  '\u202egnp.exe',
  '\ufeffmark',
  'grüße.txt',
  'cafe\u0301 decomposed',
  'Привет, мир',
  'Ελληνικά',
  '日本語のファイル名.txt',
  '한국어',
  'עברית',
  'العربية',
  'हिन्दी',
  'ไทย',
  '👩‍👩‍👧‍👦🏳️‍🌈.jpg',
  '𝔘𝔫𝔦𝔠𝔬𝔡𝔢',
  'Case',
  'case',
  'x'.repeat(LONGEST),
  `${'日'.repeat(LONGEST / 3)}`,
]

/** Modification times: before 1970, at 1970, with odd milliseconds, far ahead. */
const TIMES_MS = [-2_000_000_000_123, -1, 0, 1, 946_684_799_999, 1_700_000_000_001, 4_102_444_800_777]

export interface CorpusOptions {
  /** Bytes of the sparse file. */
  bigSize: number
  smallFiles: number
}

/** Writes a folder with everything that is hard about files. */
export async function writeCorpus(root: string, options: CorpusOptions): Promise<void> {
  const folders = ['sizes', 'names', 'times', 'links', 'many', 'empty folder', 'deep/a/b/c/d/e/f/g/h', 'big']
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true })
  for (const [index, size] of EDGE_SIZES.entries()) {
    await writeFile(join(root, 'sizes', `${index} ${size}`), bytesFrom(index, size))
  }
  for (const [index, name] of NAMES.entries()) await writeFile(join(root, 'names', name), bytesFrom(500 + index, index))
  for (const [index, timeMs] of TIMES_MS.entries()) {
    const path = join(root, 'times', `${index}`)
    await writeFile(path, `${timeMs}`)
    // Reason: a number before 1970 counts as now, a string does not.
    await utimes(path, `${timeMs / 1000}`, `${timeMs / 1000}`)
  }
  await symlink('../sizes/1 1', join(root, 'links', 'relative'))
  await symlink('/nowhere/at all', join(root, 'links', 'dangling'))
  await symlink('..', join(root, 'links', 'loop'))
  await writeFile(join(root, 'deep/a/b/c/d/e/f/g/h/leaf'), 'deep')
  await writeFile(join(root, 'run.sh'), '#!/bin/sh\n')
  await chmod(join(root, 'run.sh'), 0o755)
  for (let index = 0; index < options.smallFiles; index += 1) {
    await writeFile(join(root, 'many', `file ${index}`), bytesFrom(10_000 + index, 37 + ((index * 131) % 4_000)))
  }
  await writeSparse(join(root, 'big', 'sparse.bin'), options.bigSize)
}
