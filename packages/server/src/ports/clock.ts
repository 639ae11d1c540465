/** The server's time. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
}

/** Where the server's random bytes come from. */
export interface Random {
  bytes(length: number): Uint8Array
}
