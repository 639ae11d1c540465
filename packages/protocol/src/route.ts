import type { z } from 'zod'
import type { ApiErrorCode } from './errors.ts'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** One route as data: from it come types, validation, the server's router and the OpenAPI file. */
export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
  Auth extends 'none' | 'session' = 'none' | 'session',
> {
  readonly name: string
  readonly summary: string
  readonly method: HttpMethod
  /** Path with `:name` parameters. */
  readonly path: string
  readonly auth: Auth
  readonly params: Params
  readonly query: Query
  /** `z.undefined()` where the route takes no body. */
  readonly body: Body
  readonly response: Response
  readonly bodyLimit: number
  /** Whether the body may come framed, with bytes behind its JSON. */
  readonly framed?: boolean
  readonly errors: readonly ApiErrorCode[]
}

export type ParamsOf<R extends Route> = z.output<R['params']>
export type QueryOf<R extends Route> = z.output<R['query']>
export type BodyOf<R extends Route> = z.output<R['body']>
export type ResponseOf<R extends Route> = z.output<R['response']>

export function defineRoute<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Response extends z.ZodType,
  Auth extends 'none' | 'session',
>(route: Route<Params, Query, Body, Response, Auth>): Route<Params, Query, Body, Response, Auth> {
  return route
}
