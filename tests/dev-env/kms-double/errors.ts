/** An error as AWS KMS answers it: its type and HTTP status. */
export class AwsError extends Error {
  readonly type: string
  readonly status: number

  constructor(type: string, message = '', status = 400) {
    super(message)
    this.type = type
    this.status = status
  }
}
