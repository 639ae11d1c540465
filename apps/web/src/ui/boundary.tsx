import { Component, type ReactNode } from 'react'
import { asFailure } from '../bridge/connect.ts'
import type { VaultFailure } from '../worker/vault-api.ts'

interface BoundaryProps {
  /** What is shown instead of children that cannot be drawn. */
  readonly instead: (failure: VaultFailure) => ReactNode
  readonly children: ReactNode
}

/** Shows something else where drawing failed. A class, for React has no other form of this. */
export class Boundary extends Component<BoundaryProps, { failure: VaultFailure | null }> {
  override state: { failure: VaultFailure | null } = { failure: null }

  static getDerivedStateFromError(error: unknown): { failure: VaultFailure } {
    return { failure: asFailure(error) }
  }

  override render(): ReactNode {
    return this.state.failure === null ? this.props.children : this.props.instead(this.state.failure)
  }
}
