import { type Leak, type LieCase, SOURCE, TARGET } from '../attempt.ts'
import { COMMITS, type CommitsBody, onJson } from '../lies.ts'
import { recordCommits } from '../recordings.ts'

/** Every verb that reads the vault, and what it does when it believes an old head. */
const READING: readonly (readonly string[])[] = [
  ['ls', '-l', '/'],
  ['cat', '/small.txt'],
  ['get', '/small.txt', `${TARGET}/small.txt`],
  ['get', '-r', '/folder', TARGET],
  ['versions', '/small.txt'],
  ['trash'],
  ['sessions'],
  ['retention'],
]

const CHANGING: readonly (readonly string[])[] = [
  ['put', SOURCE, '/upload'],
  ['put', '-r', '--quiet', `${SOURCE}.d`, '/uploads'],
  ['mkdir', '/made'],
  ['mv', '/fodder/source.d/one', '/moved'],
  ['cp', '/fodder/source.d/two', '/copied'],
  ['rm', '/fodder/source.d/three'],
  ['rm', '--permanent', '/fodder/source.d/four'],
  ['restore', '/thrown-away.txt'],
  ['retention', '--trash', '40'],
]

function oldHead(command: readonly string[], leak: Leak): LieCase {
  return {
    name: `shows an old head to ${command.filter((word) => /^[a-z]|^-r|^--p|^--t/.test(word)).join(' ')}`,
    kind: 'old head',
    command,
    lie: async ({ alice }) => {
      // Whatever was changed by other copies of her device: she has seen it.
      if (leak === 'the change is made') await alice.ok(['ls', '/'])
      return onJson<CommitsBody>('GET', COMMITS, (body) => {
        body.head.seq -= 1
        body.commits = []
      })
    },
    untouched: true,
    without: ['head went back'],
    leak,
  }
}

/** A file that was destroyed after the log was recorded: who believes that log sees it again. */
function resurrected(command: readonly string[], trashed: boolean): LieCase {
  return {
    name: `resurrects a file that was destroyed, for ${command[0]}`,
    kind: 'resurrect',
    command,
    cold: true,
    lie: async (world) => {
      const { alice } = world
      await alice.ok(['put', '-', '/doomed.txt'], { input: 'doomed' })
      if (trashed) await alice.ok(['rm', '/doomed.txt'])
      const old = await recordCommits(world, alice)
      await alice.ok(trashed ? ['trash', 'empty', '--yes'] : ['rm', '--permanent', '/doomed.txt'])
      return onJson<CommitsBody>('GET', COMMITS, (body) => Object.assign(body, old))
    },
    without: ['head went back'],
    leak: 'wrong answer',
  }
}

/** Lies that every verb meets. */
export const VERBS: readonly LieCase[] = [
  ...READING.map((command) => oldHead(command, command[0] === 'sessions' ? 'another exit code' : 'success')),
  ...CHANGING.map((command) => oldHead(command, 'the change is made')),
  resurrected(['ls', '/'], false),
  resurrected(['trash'], true),
]
