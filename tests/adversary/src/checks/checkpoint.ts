import type { Removal } from '../harness/mutant.ts'

const READ = 'packages/client/src/checkpoint/read.ts'
const AUDIT = 'packages/client/src/checkpoint/audit.ts'

/** Checks of checkpoints, when one is opened and when the log passes the commit that names it. */
export const CHECKPOINT_CHECKS = {
  'newest checkpoint': {
    file: AUDIT,
    find: "if (newer && header.seq <= Math.max(head.seq, askedAt)) throw integrityError('the server shows an old checkpoint')",
    replace: '',
  },
  'a checkpoint has to open': {
    file: 'packages/client/src/vault-log/log.ts',
    find: 'await stopping(() => openNewestCheckpoint(reading, guard.pin, signal)) : null',
    replace: 'await openNewestCheckpoint(reading, guard.pin, signal).catch(() => null) : null',
  },
  'checkpoint of a commit that is passed': {
    file: AUDIT,
    find: 'if (!newer && header.seq === checkpoint.namedBySeq) await compare(header, checkpoint)',
    replace: '',
  },
  'hash of a checkpoint': {
    file: READ,
    find: 'header.checkpointHash === null || !equalBytes(header.checkpointHash, hash)',
    replace: 'false',
  },
  'signature of a checkpoint': {
    file: READ,
    find: "if (!signed) throw wrong('the signature of a checkpoint')",
    replace: '',
  },
  'headers follow each other': { file: READ, find: 'if (!follows) throw forked()', replace: '' },
  'the log reaches the checkpoint': {
    file: AUDIT,
    find: 'if (opened !== null && headSeq < opened.namedBy.seq) throw rolledBack()',
    replace: '',
  },
  'hash of the state': {
    file: 'packages/vault/src/checkpoint/open-state.ts',
    find: '!equalBytes(hash, manifest.stateHash)',
    replace: 'false',
  },
  'state that the device computed': {
    file: AUDIT,
    find: 'equalBytes(held.stateHash, manifest.stateHash) &&',
    replace: '',
  },
} as const satisfies Record<string, Removal>
