import { ROUTES, type RouteName } from '@strongroom/protocol'
import Fastify, { type FastifyInstance, type HTTPMethods } from 'fastify'
import { ServerError } from '../domain/errors.ts'
import { settleSession } from '../domain/sessions/sessions.ts'
import type { Logger, Meter, ServedObjectStore } from '../ports/index.ts'
import { bindRoute, type Door } from './binder.ts'
import { errorHandler, sendRefusal } from './errors.ts'
import { acceptFramed } from './framed.ts'
import type { HandlerDeps } from './handler-deps.ts'
import { createGate, createHandlers } from './handlers.ts'
import { registerHealth } from './health.ts'
import { meteredHandlers } from './metered.ts'
import { requestId } from './request-id.ts'
import { bearerToken, registerOriginCheck, securityHeaders } from './security.ts'
import { sessionCookies } from './session-cookie.ts'
import { registerStartPage } from './start-page.ts'
import { registerStoreBatch } from './store-batch.ts'
import { registerStoreRoutes } from './store-routes.ts'
import type { StoreUrls } from './store-urls.ts'
import { unparsedHandler } from './unparsed.ts'
import { type LostPage, registerWebApp, type WebApp } from './web-app.ts'

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const MINUTE_MS = 60_000
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

export interface AppDeps extends HandlerDeps {
  logger: Logger
  meter: Meter
  /** Set when the blob store is served by this server. */
  served: { objects: ServedObjectStore; urls: StoreUrls } | null
  /** PUBLIC_URL without a trailing slash, or null. */
  publicUrl: string | null
  trustedProxies: readonly string[]
  tls: { cert: Buffer; key: Buffer } | null
  /** null: a page at `/` says how to begin. */
  web: WebApp | null
  isDraining: () => boolean
}

/** The HTTP server, not yet listening. */
export function createApp(deps: AppDeps): FastifyInstance {
  const handleError = errorHandler(deps.logger)
  const https = deps.tls !== null || deps.publicUrl?.startsWith('https:') === true
  const setSecurityHeaders = securityHeaders({ https })
  const app = Fastify({
    logger: false,
    trustProxy: deps.trustedProxies.length > 0 ? [...deps.trustedProxies] : false,
    genReqId: requestId,
    requestIdHeader: false,
    // Slow clients: a part of 64 MiB may take a quarter of an hour, a silent socket two minutes.
    requestTimeout: 15 * MINUTE_MS,
    connectionTimeout: 2 * MINUTE_MS,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    // While it drains, the server answers what still comes on open connections and closes them after that.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: false },
    frameworkErrors: (error, request, reply) => {
      setSecurityHeaders(request, reply)
      void handleError(error, request, reply)
    },
    clientErrorHandler: unparsedHandler({ https }),
    ...(deps.tls === null ? {} : { https: deps.tls }),
  }) as unknown as FastifyInstance // the https variant differs only in the raw server's type
  app.removeContentTypeParser('text/plain')
  acceptFramed(app)
  app.setErrorHandler(handleError)

  registerAccessLog(app, deps)
  app.addHook('onRequest', (request, reply, done) => {
    setSecurityHeaders(request, reply)
    done()
  })
  app.addHook('onSend', async (_request, reply) => {
    if (deps.isDraining()) reply.header('connection', 'close')
  })
  registerOriginCheck(app, deps.publicUrl === null ? null : new URL(deps.publicUrl).origin)

  const allowed = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ method, url }) => {
    const methods = allowed.get(url) ?? new Set<string>()
    for (const one of [method].flat()) methods.add(one)
    allowed.set(url, methods)
  })

  const handlers = meteredHandlers(createHandlers(deps), deps.meter)
  const cookies = sessionCookies({ https, randomBytes: (length) => deps.random.bytes(length) })
  const door: Door = {
    async settle(request) {
      const name = cookies.named(request)
      return settleSession(deps, name === null ? bearerToken(request) : cookies.tokenOf(request, name))
    },
    admit: createGate(deps),
    cookies,
  }
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    bindRoute(app, ROUTES[name], handlers[name], door)
  }
  const lostPage: LostPage = deps.web === null ? () => null : registerWebApp(app, deps.web, deps.store.origins)
  if (deps.web === null) registerStartPage(app, (request) => deps.publicUrl ?? `${request.protocol}://${request.host}`)
  registerHealth(app, deps)
  if (deps.served !== null) {
    registerStoreRoutes(app, deps.served.objects, deps.served.urls)
    registerStoreBatch(app, deps.served.objects, deps.served.urls)
  }
  app.setNotFoundHandler(
    (request, reply) => lostPage(request, reply) ?? sendRefusal(request, reply, new ServerError('not_found')),
  )
  app.after(() => refuseOtherMethods(app, allowed))
  return app
}

/** 405 with Allow for every method that a known path does not take, before any body is read. */
function refuseOtherMethods(app: FastifyInstance, allowed: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, methods] of [...allowed]) {
    const others = METHODS.filter((method) => !methods.has(String(method)))
    const allow = [...methods].sort().join(', ')
    app.route({
      method: others,
      url,
      onRequest: async (_request, reply) => {
        reply.header('allow', allow)
        throw new ServerError('method_not_allowed')
      },
      handler: async () => undefined,
    })
  }
}

/** One line per request: what was asked for by its pattern, how it ended, how long it took; and the same as metrics. */
function registerAccessLog(app: FastifyInstance, { logger, meter }: Pick<AppDeps, 'logger' | 'meter'>): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method } = request
    const route = request.routeOptions.url ?? 'none'
    const ms = reply.elapsedTime
    meter.count('http_requests', { method, route, status: String(reply.statusCode) })
    meter.time('http_request', { method, route }, ms / 1000)
    // Balancers ask several times a second.
    const write = PROBES.has(route) ? logger.debug : logger.info
    write.call(
      logger,
      { method, route, status: reply.statusCode, ms: Math.round(ms * 10) / 10, requestId: request.id },
      'request',
    )
    done()
  })
}
