import { nodeEngine } from '@strongroom/crypto/node'
import { commitHash, HEADER_LENGTH } from '@strongroom/vault/header'
import type { Check } from '../checks/checks.ts'
import { flipBit } from '../harness/edit.ts'
import { type Answer, editJson, type Lie } from '../harness/proxy.ts'
import {
  COMMITS,
  type CommitsBody,
  errorAnswer,
  flipText,
  isRoute,
  OPEN,
  onAnswer,
  onJson,
  STORE,
} from '../liar/lies.ts'

export const CHECKPOINT = /^\/v1\/vaults\/[^/]+\/checkpoint$/
const HEADERS = /^\/v1\/vaults\/[^/]+\/headers$/

interface CheckpointBody {
  head: { seq: number; hash: string }
  checkpoint: { seq: number; epoch: number; manifest: string; namedBySeq: number } | null
}

interface HeadersBody {
  headers: string[]
}

/** Which device looks: a new one; one that lost its index; one whose pin is older than the checkpoint; one behind. */
export type Looker = 'new' | 'cold' | 'pinned' | 'behind'

/** The server's answers: alice's first checkpoint, and bob's. */
export interface Answers {
  readonly first: Answer
  readonly bobs: Answer
}

const edit = (change: (body: CheckpointBody) => void): Lie => onJson('GET', CHECKPOINT, change)
const editManifest = (change: (checkpoint: NonNullable<CheckpointBody['checkpoint']>) => void): Lie =>
  edit(({ checkpoint }) => {
    if (checkpoint !== null) change(checkpoint)
  })
export const changedManifest = (): Lie =>
  editManifest((checkpoint) => {
    checkpoint.manifest = flipText(checkpoint.manifest, 100)
  })
const shifted = (field: 'seq' | 'epoch' | 'namedBySeq', by: number): Lie =>
  editManifest((checkpoint) => {
    checkpoint[field] += by
  })
/** Changes the headers of requests for one header alone, or for many. */
const editHeaders = (many: boolean, change: (headers: string[]) => void): Lie =>
  onAnswer('GET', HEADERS, (answer, request) => {
    const wanted = !/limit=1(&|$)/.test(request.path)
    return wanted === many ? editJson(answer, ({ headers }: HeadersBody) => change(headers)) : answer
  })

/** Shows the checkpoint, and a log that has no commit after the one that it describes. */
function endBeforeNaming(): Lie {
  const hashes = new Map<string, string>()
  return {
    async answer(request, answer) {
      const from = new URLSearchParams(request.path.split('?')[1]).get('from')
      if (isRoute(request, 'GET', HEADERS)) {
        const { headers }: HeadersBody = JSON.parse(answer.body.toString())
        const header = new Uint8Array(Buffer.from(headers[0] ?? '', 'base64url').subarray(0, HEADER_LENGTH))
        hashes.set(String(Number(from) + 1), Buffer.from(await commitHash(nodeEngine(), header)).toString('base64url'))
      }
      const hash = hashes.get(from ?? '')
      if (!isRoute(request, 'GET', COMMITS) || hash === undefined) return answer
      return editJson(answer, (body: CommitsBody) => {
        body.head = { seq: Number(from) - 1, hash }
        body.commits = []
      })
    },
  }
}

export interface CheckpointAttack {
  readonly name: string
  readonly looker: Looker
  readonly lie: (answers: Answers) => Lie
  /** Checks without which the lie goes through. */
  readonly without: readonly Check[]
}

/** Without these, a checkpoint that does not verify is passed over, and the log is read from its beginning. */
const PASSED_OVER: readonly Check[] = [
  'a checkpoint has to open',
  'checkpoint of a commit that is passed',
  'newest checkpoint',
]

/** Lies about checkpoints, in the order of the table in README.md. */
export const CHECKPOINT_ATTACKS: readonly CheckpointAttack[] = [
  {
    name: 'an old checkpoint is shown to a new device',
    looker: 'new',
    lie: ({ first }) => onAnswer('GET', CHECKPOINT, () => first),
    without: ['newest checkpoint'],
  },
  {
    name: 'an old checkpoint is shown to a device that is behind',
    looker: 'behind',
    lie: ({ first }) => onAnswer('GET', CHECKPOINT, () => first),
    without: ['newest checkpoint'],
  },
  {
    name: 'there is said to be none',
    looker: 'new',
    lie: () =>
      edit((body) => {
        body.checkpoint = null
      }),
    without: ['newest checkpoint'],
  },
  {
    name: 'the checkpoint of another account is shown',
    looker: 'new',
    lie: ({ bobs }) =>
      onAnswer('GET', CHECKPOINT, (answer) =>
        editJson(answer, (body: CheckpointBody) => {
          const { checkpoint } = JSON.parse(bobs.body.toString()) as CheckpointBody
          if (body.checkpoint === null || checkpoint === null) throw new Error('there is no checkpoint')
          body.checkpoint = { ...checkpoint, namedBySeq: body.checkpoint.namedBySeq }
        }),
      ),
    without: PASSED_OVER,
  },
  {
    name: 'a bit of the manifest is changed',
    looker: 'new',
    lie: () => changedManifest(),
    without: PASSED_OVER,
  },
  {
    name: 'a bit of the manifest is changed, for a device that has the state',
    looker: 'behind',
    lie: () => changedManifest(),
    without: PASSED_OVER,
  },
  {
    name: 'it is said to be of another commit',
    looker: 'cold',
    lie: () => shifted('seq', -1),
    without: PASSED_OVER,
  },
  {
    name: 'it is said to be of another epoch',
    looker: 'cold',
    lie: () => shifted('epoch', 1),
    without: PASSED_OVER,
  },
  {
    name: 'it is said to be named by another commit',
    looker: 'new',
    lie: () => shifted('namedBySeq', -1),
    without: PASSED_OVER,
  },
  {
    name: 'the signature of the commit that names it is changed',
    looker: 'new',
    lie: () => editHeaders(false, (headers) => headers.splice(0, 1, flipText(headers[0] ?? '', 276 + 7))),
    without: ['signature of a checkpoint'],
  },
  {
    name: 'the time of the commit that names it is changed',
    looker: 'new',
    lie: () => editHeaders(false, (headers) => headers.splice(0, 1, flipText(headers[0] ?? '', 139))),
    without: PASSED_OVER,
  },
  {
    name: 'a commit between what the device has seen and the checkpoint is changed',
    looker: 'pinned',
    lie: () => editHeaders(true, (headers) => headers.splice(3, 1, flipText(headers[3] ?? '', 139))),
    without: ['headers follow each other'],
  },
  {
    name: 'a commit between what the device has seen and the checkpoint is left out',
    looker: 'pinned',
    lie: () => editHeaders(true, (headers) => headers.splice(3, 1)),
    without: PASSED_OVER,
  },
  {
    name: 'the log ends before the commit that names it',
    looker: 'new',
    lie: endBeforeNaming,
    without: ['the log reaches the checkpoint'],
  },
  {
    name: 'the base is cut',
    looker: 'new',
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: answer.body.subarray(0, -40) })),
    without: PASSED_OVER,
  },
  {
    name: 'the base is changed',
    looker: 'new',
    lie: () => onAnswer('GET', STORE, (answer) => ({ ...answer, body: flipBit(answer.body, 300) })),
    without: PASSED_OVER,
  },
  {
    name: 'its blobs are said to be gone',
    looker: 'new',
    lie: () => ({
      request: (request) => (isRoute(request, 'POST', OPEN) ? errorAnswer(404, 'not_found') : null),
    }),
    without: PASSED_OVER,
  },
]
