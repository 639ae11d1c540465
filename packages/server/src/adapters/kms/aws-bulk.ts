import type { IncomingMessage } from 'node:http'
import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms'

/*
 * [Note: Many requests]  The SDK puts its chain of middleware together anew for each request, which is a fifth of the
 * CPU of one, unless it may keep the chain; then no request can have a signal of its own that ends it, and the first
 * command stays in memory with its input. So this is for requests that hold no secret and can be made twice, of which
 * there are thousands in a row. What a signal would do, a limit in the chain does: an answer whose body does not come
 * gives its connection back.
 */

/**
 * A client for many requests of one kind.
 *
 * @param bodyMs - longest that the body of an answer may take
 */
export function openBulkClient(settings: KMSClientConfig, bodyMs: number): KMSClient {
  const client = new KMSClient({ ...settings, cacheMiddleware: true })
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      limitBody(result.response, bodyMs)
      return result
    },
    { name: 'limitBody', step: 'deserialize', priority: 'low' },
  )
  return client
}

function limitBody(response: unknown, ms: number): void {
  // Innermost, the answer is what Node's own HTTP client gave.
  const { body } = response as { body: IncomingMessage }
  const timer = setTimeout(() => body.destroy(new Error('the answer did not end in time')), ms)
  body.once('close', () => clearTimeout(timer))
}
