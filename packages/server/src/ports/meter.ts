/** What is counted, with its labels. Invariant: a label's values are few and known; no id, name or address is one. */
export interface Counters {
  readonly http_requests: { readonly method: string; readonly route: string; readonly status: string }
  readonly logins: { readonly outcome: 'signed_in' | 'second_factor' | 'refused' }
  readonly registrations: Record<string, never>
  readonly commits: Record<string, never>
  readonly kms_calls: { readonly operation: string; readonly outcome: string }
  readonly store_calls: { readonly operation: string; readonly outcome: string }
  readonly jobs: { readonly name: string; readonly outcome: 'done' | 'failed' | 'interrupted' }
}

/** What is timed, with its labels. */
export interface Timers {
  readonly http_request: { readonly method: string; readonly route: string }
  readonly kms_call: { readonly operation: string }
  readonly store_call: { readonly operation: string }
  readonly job: { readonly name: string }
}

/** Takes what happens, for the metrics of this server. Never throws. */
export interface Meter {
  count<Name extends keyof Counters>(name: Name, labels: Counters[Name]): void
  time<Name extends keyof Timers>(name: Name, labels: Timers[Name], seconds: number): void
}
