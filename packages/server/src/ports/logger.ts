/** Values that may stand in a log line: never bodies, headers, raw URLs or anyone's ids. */
export type LogFields = Readonly<Record<string, string | number | boolean>>

/** An allow-list logger: a fixed message and scalar fields. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}
