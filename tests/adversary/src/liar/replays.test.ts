import { expect, it } from 'vitest'
import { attempt } from './attempt.ts'
import { RARE_VERBS } from './cases/rare-verbs.ts'
import { NEXT, REPLAYS, replayed } from './cases/replays.ts'
import { describeLies } from './describe-lies.ts'

const { world } = describeLies({
  'to verbs that ask little': RARE_VERBS,
  'with what was true once': REPLAYS,
})

it('a new device cannot tell what the account key was before, while the password is the same', async () => {
  const lie = await replayed('account', 'both')(world())
  const login = {
    name: 'replays to a new device',
    kind: 'old keyring',
    command: ['login', 'alice'],
    newDevice: true,
    password: NEXT,
    lie: () => lie,
    without: [],
    leak: 'success',
  } as const
  const { result } = await attempt(world(), login, lie)
  expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 })
})
