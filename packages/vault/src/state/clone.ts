import { ChildTable } from './child-table.ts'
import type { MutableState, VaultState } from './state.ts'
import { copyTable } from './table.ts'

/** What a delta starts from: of an earlier state, no more than this is looked at. */
export type DeltaBase = Pick<VaultState, 'vaultId' | 'seq' | 'nodes'>

/** The state as it is now, for a delta that is made of it later. */
export function deltaBase({ vaultId, seq, nodes }: VaultState): DeltaBase {
  return { vaultId, seq, nodes: copyTable(nodes) }
}

/** An independent copy; nodes are shared, because they never change. */
export function cloneState(state: VaultState): VaultState {
  const { children } = state
  const copy: MutableState = {
    ...state,
    nodes: copyTable(state.nodes),
    children:
      children instanceof ChildTable
        ? children.copy()
        : new Map([...children].map(([key, names]) => [key, new Map(names)])),
    trashedChildren: new Map([...state.trashedChildren].map(([key, nodes]) => [key, new Set(nodes)])),
    records: new Map(state.records),
    references: copyTable(state.references),
    changeIds: new Map(state.changeIds),
    imbalance: new Map(state.imbalance),
  }
  return copy
}
