import { type ApiErrorCode, ERRORS, errorBody } from './errors.ts'
import { FRAMED } from './framed.ts'
import type { Route } from './route.ts'
import { ROUTES } from './routes.ts'
import * as z from './zod.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
type JsonObject = { [name: string]: Json }

/** Byte strings are base64url in JSON; the wire is what a codec takes in. */
function jsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest as JsonObject // JSON by its nature
}

function parameters(route: Route, where: 'path' | 'query'): Json[] {
  const schema = jsonSchema(where === 'path' ? route.params : route.query)
  const properties = (schema.properties ?? {}) as JsonObject
  const required = (schema.required ?? []) as readonly string[]
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }))
}

function errorAnswers(codes: readonly ApiErrorCode[]): JsonObject {
  const byStatus = new Map<number, ApiErrorCode[]>()
  for (const code of codes) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code])
  const answers: JsonObject = {}
  for (const [status, group] of [...byStatus].sort(([left], [right]) => left - right)) {
    answers[String(status)] = {
      description: group.map((code) => `${code}: ${ERRORS[code].advice}`).join(' · '),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    }
  }
  return answers
}

function operation(route: Route): JsonObject {
  const hasBody = !(route.body instanceof z.ZodUndefined)
  return {
    operationId: route.name,
    summary: route.summary,
    security: route.auth === 'session' ? [{ session: [] }] : [],
    parameters: [...parameters(route, 'path'), ...parameters(route, 'query')],
    ...(hasBody
      ? {
          requestBody: {
            required: true,
            description: `At most ${route.bodyLimit} bytes.`,
            content: {
              'application/json': { schema: jsonSchema(route.body) },
              ...(route.framed === true ? { [FRAMED]: { schema: { type: 'string', format: 'binary' } } } : {}),
            },
          },
        }
      : {}),
    responses: {
      '200': { description: 'Done.', content: { 'application/json': { schema: jsonSchema(route.response) } } },
      ...errorAnswers([...route.errors, ...(route.auth === 'session' ? WITH_SESSION : []), ...EVERYWHERE]),
    },
  }
}

/** What any route may answer, whatever it lists itself. */
const EVERYWHERE: readonly ApiErrorCode[] = ['forbidden', 'method_not_allowed', 'unsupported_media_type', 'internal']

/** What any route with a session may answer beside. */
const WITH_SESSION: readonly ApiErrorCode[] = ['account_disabled']

/** The API as an OpenAPI 3.1 document, derived from the routes. */
export function openApiDocument(): JsonObject {
  const paths: Record<string, JsonObject> = {}
  for (const route of Object.values<Route>(ROUTES)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Strongroom',
      version: '1',
      description:
        'Byte strings are base64url without padding, ids 16 bytes, times milliseconds since 1970. Parts and objects ' +
        'travel by presigned URLs, which spec/upload-protocol.md describes, as it does framed bodies.',
    },
    paths,
    components: {
      securitySchemes: {
        session: {
          type: 'http',
          scheme: 'bearer',
          description: 'Pages of this server use a cookie instead: spec/upload-protocol.md §1.',
        },
      },
      schemas: {
        Error: jsonSchema(errorBody),
        ErrorCode: { type: 'string', enum: Object.keys(ERRORS) },
      },
    },
  }
}
