import type { OpaqueClient } from '../ports.ts'

/** Methods of OPAQUE that a worker runs. */
export type OpaqueMethod = Exclude<keyof OpaqueClient, 'close'>

export interface OpaqueRequest {
  readonly id: number
  readonly method: OpaqueMethod
  readonly input: unknown
}

export type OpaqueResponse =
  | { readonly id: number; readonly value: unknown }
  /** Of a ClientError: code and message only. */
  | { readonly id: number; readonly failure: { readonly code: string; readonly message: string } }
