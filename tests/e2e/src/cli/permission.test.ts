import { execFile } from 'node:child_process'
import { chmod, chown, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import type { CliResult } from '../../../dev-env/cli.ts'
import { expectFailure, useDesk } from './device.ts'

const BIN = fileURLToPath(new URL('../../../../apps/cli/bin/strongroom.js', import.meta.url))
/** Root may read everything, so root's tests run the command as nobody. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : null

const desk = useDesk()
let home = ''

beforeAll(async () => {
  home = join(desk.folder, 'home-of-nobody')
  await cp(desk.device.home, home, { recursive: true })
  await mkdir(join(desk.folder, 'dir'))
  await writeFile(join(desk.folder, 'dir/closed'), 'closed', { mode: 0o000 })
  await writeFile(join(desk.folder, 'dir/open'), 'open', { mode: 0o644 })
  await mkdir(join(desk.folder, 'sealed'), { mode: 0o555 })
  await chmod(desk.folder, 0o755)
  await desk.putText('/remote', 'remote')
  if (NOBODY === null) return
  for (const name of ['', ...(await readdir(home, { recursive: true }))]) await chown(join(home, name), NOBODY, NOBODY)
})

/** Reason for not waiting in a synchronous way: the key service of a test may run in this process. */
function run(...parameters: string[]): Promise<CliResult> {
  const options = {
    cwd: desk.folder,
    env: { PATH: process.env.PATH, HOME: home, STRONGROOM_HOME: home, STRONGROOM_SERVER: desk.server.url },
    ...(NOBODY === null ? {} : { uid: NOBODY, gid: NOBODY }),
  }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BIN, ...parameters], options, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout: Buffer.from(stdout), stderr })
    })
  })
}

it('a file that may not be read is 1', async () => {
  expectFailure(await run('put', 'dir/closed', '/closed'), 1, /"dir\/closed": .*permission denied/)
})

it('in a folder it is reported, the rest is put, and the code is 9', async () => {
  expectFailure(await run('put', '-q', '-r', 'dir', '/'), 9, /^strongroom: "dir\/closed": .*permission denied/)
  expect(await desk.ok('ls', '/dir')).toBe('open\n')
  const { code, stdout } = await run('put', '--json', '-r', 'dir/.', '/dir')
  expect({ code, failed: JSON.parse(stdout.toString()).failed }).toMatchObject({
    code: 9,
    failed: [{ path: 'dir/./closed' }],
  })
})

it('one that may not be written in a folder that is fetched is named by its local path', async () => {
  await mkdir(join(desk.folder, 'got/dir'), { recursive: true, mode: 0o777 })
  await chmod(join(desk.folder, 'got/dir'), 0o555)
  expectFailure(await run('get', '-q', '-r', '/dir', 'got'), 1, /^strongroom: "got\/dir\/open": .*permission denied/)
})

it('a folder that may not be written is 1, and nothing is left in it', async () => {
  expectFailure(await run('get', '-q', '/remote', 'sealed/file'), 1, /permission denied/)
  expect(await readdir(join(desk.folder, 'sealed'))).toEqual([])
})
