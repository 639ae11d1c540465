import { execFile } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { expectFailure, useDesk } from '../cli/device.ts'

const desk = useDesk()
const BIN = fileURLToPath(new URL('../../../../apps/cli/bin/strongroom.js', import.meta.url))
const execute = promisify(execFile)

let path: string

beforeAll(async () => {
  path = join(desk.folder, 'bin')
  await mkdir(path)
  await writeFile(join(path, 'strongroom'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`)
  await chmod(join(path, 'strongroom'), 0o755)
  await writeFile(join(desk.folder, 'local.txt'), 'x')
  await writeFile(join(path, 'completion'), await desk.ok('completion', 'bash'))
  await desk.ok('mkdir', '-p', '/photos/summer 2024')
  await desk.putText('/photos/beach.jpg', 'x')
})

/** What bash offers for a line, the cursor at its end. */
async function offered(...words: string[]): Promise<string[]> {
  const script = `source '${path}/completion'
COMP_WORDS=(strongroom "$@"); COMP_CWORD=$#
_strongroom
printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await execute('bash', ['-c', script, 'bash', ...words], {
    cwd: desk.folder,
    env: { PATH: `${path}:${process.env.PATH}`, STRONGROOM_HOME: desk.device.home },
  })
  return stdout.split('\n').filter((line) => line !== '')
}

describe('completion in bash', () => {
  it('offers verbs, what follows them, and options', async () => {
    expect(await offered('reg')).toEqual(['register'])
    expect(await offered('re')).toEqual(expect.arrayContaining(['register', 'restore', 'retention']))
    expect(await offered('--json', 'whoa')).toEqual(['whoami'])
    expect(await offered('get', '--ver')).toEqual(['--version', '--verbose'])
    expect(await offered('trash', '')).toEqual(['empty'])
    expect(await offered('trash', 'empty', '--old')).toEqual(['--older-than'])
    expect(await offered('keys', 'rot')).toEqual(['rotate'])
    expect(await offered('keys', 'rotate', '--acc')).toEqual(['--account'])
    expect(await offered('keys', 'rotate', 'rot')).toEqual([])
    expect(await offered('admin', 'km')).toEqual(['kms'])
    expect(await offered('admin', '--data', '/x', 'kms', 'rotate')).toEqual(['rotate', 'rotate-outer'])
    expect(await offered('admin', 'kms', 'rotate', '--')).toEqual(expect.arrayContaining(['--to', '--own', '--data']))
    expect(await offered('admin', 'kms', 'status', '--t')).toEqual([])
    for (const [verb, subverb] of [
      ['recovery', 'use'],
      ['account', 'delete'],
      ['2fa', 'enable'],
      ['sessions', 'revoke'],
    ] as const) {
      expect(await offered(verb, subverb.slice(0, 2))).toEqual([subverb])
    }
  })

  it('offers local files to put, and remote paths wherever one begins with a slash', async () => {
    expect(await offered('put', 'loc')).toEqual(['local.txt'])
    expect(await offered('ls', 'loc')).toEqual([])
    expect(await offered('ls', '/ph')).toEqual(['/photos/'])
    expect(await offered('get', '/photos/')).toEqual(['/photos/beach.jpg', '/photos/summer 2024/'])
  })

  it('is silent where the server is away, and where nobody is signed in', async () => {
    await desk.server.stop()
    expect(await offered('ls', '/photos/b')).toEqual([])
    const stranger = await desk.device.run(['completion', 'paths', '--', '/'], { home: join(desk.folder, 'nobody') })
    expect({ code: stranger.code, out: stranger.stdout.toString(), err: stranger.stderr }).toEqual({
      code: 0,
      out: '',
      err: '',
    })
  })
})

describe('completion', () => {
  it('is there for three shells', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const script = await desk.ok('completion', shell)
      if (shell === 'zsh' || shell === 'fish')
        expect(script).toMatch(/admin kms|from admin; and __fish_seen_subcommand_from kms/)
      for (const word of ['restore', 'older-than', 'strongroom completion paths']) expect(script).toContain(word)
    }
    expectFailure(await desk.run('completion', 'csh'), 2, /bash, zsh and fish/)
  })
})
