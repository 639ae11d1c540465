import {
  type BodyOf,
  encodeBytes,
  FRAMED,
  frameHead,
  type ParamsOf,
  type QueryOf,
  type ResponseOf,
  ROUTES,
  type Route,
  type RouteName,
} from '@strongroom/protocol'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

type RouteOf<Name extends RouteName> = (typeof ROUTES)[Name]

/** What a route is asked with; what it does not take may be left out. */
export interface ApiRequest<R extends Route> {
  readonly params?: ParamsOf<R>
  readonly query?: QueryOf<R>
  readonly body?: BodyOf<R>
  /** Sends the body framed, with these bytes behind its JSON. */
  readonly payload?: Uint8Array
  readonly token?: Uint8Array | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer: decoded when it succeeded, else its error code. */
export type ApiAnswer<R extends Route> = {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  /** `ok`, or the code of the error. */
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
  /** @throws Error when the route did not succeed */
  readonly value: () => ResponseOf<R>
}

/** Asks a route of the protocol, encoding and decoding as a client does. */
export async function ask<Name extends RouteName>(
  app: FastifyInstance,
  name: Name,
  request: ApiRequest<RouteOf<Name>>,
): Promise<ApiAnswer<RouteOf<Name>>> {
  const route: Route = ROUTES[name]
  const params = z.encode(route.params, request.params ?? {}) as Record<string, string>
  const query = (request.query ?? {}) as Record<string, string | number>
  const url = route.path.replaceAll(/:(\w+)/g, (_, key: string) => params[key] ?? '')
  const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString()
  const response = await app.inject({
    method: route.method,
    url: search === '' ? url : `${url}?${search}`,
    headers: {
      ...(request.token === undefined ? {} : { authorization: `Bearer ${encodeBytes(request.token)}` }),
      ...(request.payload === undefined ? {} : { 'content-type': FRAMED }),
      ...request.headers,
    },
    ...(request.body === undefined ? {} : { payload: payloadOf(z.encode(route.body, request.body), request.payload) }),
  })
  const json = response.json()
  const failed = response.statusCode >= 400
  return {
    status: response.statusCode,
    headers: response.headers,
    code: failed ? json.code : 'ok',
    details: failed ? (json.details ?? {}) : {},
    value: () => {
      if (failed) throw new Error(`${name} answered ${json.code} ${JSON.stringify(json.details ?? {})}`)
      return z.decode(route.response, json) as ResponseOf<RouteOf<Name>>
    },
  }
}

function payloadOf(body: unknown, bytes: Uint8Array | undefined): Buffer | object {
  return bytes === undefined ? (body as object) : Buffer.concat([frameHead(JSON.stringify(body)), bytes])
}
