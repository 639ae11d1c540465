import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UsageError } from './failure.ts'
import { secretFromEnvironment } from './secrets.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-secrets-'))
})
afterAll(() => rm(folder, { recursive: true }))

const read = (environment: Record<string, string>): Promise<string | null> => secretFromEnvironment(environment, 'P')
const fileWith = async (content: string | Uint8Array): Promise<string> => {
  const path = join(folder, `${Math.random()}`)
  await writeFile(path, content)
  return path
}

test('nothing set is null', async () => {
  expect(await read({})).toBeNull()
})

test('the variable itself is taken as it is', async () => {
  expect(await read({ P: ' pass\n' })).toBe(' pass\n')
})

test('of a file one line end is cut, and nothing else', async () => {
  expect(await read({ P_FILE: await fileWith(' pass word \n') })).toBe(' pass word ')
  expect(await read({ P_FILE: await fileWith('p\r\n') })).toBe('p')
  expect(await read({ P_FILE: await fileWith('p\n\n') })).toBe('p\n')
})

test('a command gives what it prints', async () => {
  expect(await read({ P_COMMAND: 'echo "from a command"' })).toBe('from a command')
})

test('two sources are refused', async () => {
  await expect(read({ P: 'a', P_FILE: '/x' })).rejects.toThrow(/P and P_FILE are both set/)
})

test.each([
  ['an empty variable', { P: '' }],
  ['a missing file', { P_FILE: '/does/not/exist' }],
  ['a failing command', { P_COMMAND: 'echo secret; exit 3' }],
  ['a command that prints nothing', { P_COMMAND: 'true' }],
  ['a command that never stops printing', { P_COMMAND: 'yes' }],
])('%s is refused without showing what it gave', async (_, environment) => {
  const error = await read(environment).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(UsageError)
  expect(String(error)).not.toContain('secret')
})

test('a command that fails is told with its exit code', async () => {
  await expect(read({ P_COMMAND: 'exit 3' })).rejects.toThrow(/^P_COMMAND: the command failed \(exit code 3\)\.$/)
})

test('bytes that are not UTF-8 are refused', async () => {
  await expect(read({ P_FILE: await fileWith(Uint8Array.of(0xff, 0xfe)) })).rejects.toThrow(UsageError)
})

test('the variable itself has to be UTF-8: else passwords that differ would be one', async () => {
  await expect(read({ P: Buffer.from([0x70, 0xff, 0x71]).toString('utf8') })).rejects.toThrow(/not UTF-8/)
})
