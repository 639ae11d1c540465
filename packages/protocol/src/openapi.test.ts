import { describe, expect, it } from 'vitest'
import { ERROR_CODES, ERRORS } from './errors.ts'
import { openApiDocument } from './openapi.ts'
import type { Route } from './route.ts'
import { ROUTES } from './routes.ts'

const document = openApiDocument() as {
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, { description: string }> }>>
  components: { schemas: { ErrorCode: { enum: string[] } } }
}

describe('OpenAPI document', () => {
  it('holds every route under its method and path', () => {
    const described = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map((item) => item.operationId),
    )
    expect(described.sort()).toEqual(Object.keys(ROUTES).sort())
  })

  it('lists exactly the errors of the catalogue', () => {
    expect(document.components.schemas.ErrorCode.enum).toEqual(ERROR_CODES)
  })

  it('names each error of a route under its status', () => {
    for (const route of Object.values<Route>(ROUTES)) {
      const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
      const responses = document.paths[path]?.[route.method.toLowerCase()]?.responses ?? {}
      for (const code of route.errors) {
        expect(responses[String(ERRORS[code].status)]?.description, `${route.name} ${code}`).toContain(`${code}: `)
      }
    }
  })

  it('is plain JSON and the same each time', () => {
    expect(JSON.parse(JSON.stringify(openApiDocument()))).toEqual(openApiDocument())
  })
})

describe('error catalogue', () => {
  it('has an error status and advice that is a sentence for each code', () => {
    for (const code of ERROR_CODES) {
      expect(ERRORS[code].status).toBeGreaterThanOrEqual(400)
      expect(ERRORS[code].advice).toMatch(/^[A-Z].*\.$/)
    }
  })

  it('lets every code be answered by some route or by the server as a whole', () => {
    const everywhere = ['method_not_allowed', 'unsupported_media_type', 'internal', 'url_invalid', 'range_invalid']
    const used = new Set<string>([...Object.values<Route>(ROUTES).flatMap((route) => route.errors), ...everywhere])
    expect(ERROR_CODES.filter((code) => !used.has(code))).toEqual([])
  })

  it('lists session errors on exactly the routes that want a session', () => {
    for (const route of Object.values<Route>(ROUTES)) {
      expect(route.errors.includes('unauthenticated'), route.name).toBe(route.auth === 'session')
    }
  })
})
