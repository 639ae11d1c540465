import { flipBit } from '../harness/edit.ts'
import { type Answer, editJson, jsonAnswer, type Lie, type SeenRequest } from '../harness/proxy.ts'

export function isRoute(request: SeenRequest, method: string, path: RegExp): boolean {
  return request.method === method && path.test(request.path.split('?')[0] ?? '')
}

/** Changes the successful answers of one route. */
export function onAnswer(
  method: string,
  path: RegExp,
  change: (answer: Answer, request: SeenRequest) => Answer | null,
): Lie {
  return {
    answer: (request, answer) =>
      isRoute(request, method, path) && answer.status < 300 ? change(answer, request) : answer,
  }
}

/** Changes the JSON of the successful answers of one route, in place. */
export function onJson<T>(method: string, path: RegExp, change: (body: T) => void): Lie {
  return onAnswer(method, path, (answer) => editJson(answer, change as (body: never) => void))
}

/** Answers a route in the server's place. */
export function instead(method: string, path: RegExp, answer: () => Answer): Lie {
  return { request: (request) => (isRoute(request, method, path) ? answer() : null) }
}

export const STORE = /^\/v1\/store\//
export const OPEN = /^\/v1\/blobs\/open$/
export const PARTS = /^\/v1\/blobs\/parts$/
export const RESERVE = /^\/v1\/blobs$/
export const COMPLETE = /^\/v1\/blobs\/complete$/
export const COMMITS = /^\/v1\/vaults\/[^/]+\/commits$/
export const HEAD = /^\/v1\/vaults\/[^/]+\/head$/
export const HEADERS = /^\/v1\/vaults\/[^/]+\/headers$/
export const LOGIN_START = /^\/v1\/login\/start$/
export const LOGIN_FINISH = /^\/v1\/login\/finish$/
export const INFO = /^\/v1\/info$/
export const HALF = /^\/v1\/sessions\/current\/half$/
export const ACCOUNT = /^\/v1\/account$/

export interface CommitsBody {
  head: { seq: number; hash: string }
  commits: string[]
}

export interface OpenBody {
  blobs: {
    blobId: string
    blobLength: number
    wraps: { blobId: string; epoch: number; bytes: string }[]
    digests: string
    url: string
    expiresAtMs: number
  }[]
}

export interface AccountBody {
  accountId: string
  usedBytes: number
  quotaBytes: number
  keyring: string
  keyringVersion: number
}

export interface LoginBody {
  accountId: string
  passwordEnvelope: string
  passwordEnvelopeVersion: number
  keyring: string
  keyringVersion: number
  serverHalf: string
}

/** Base64url with one bit of the bytes behind it changed. */
export function flipText(text: string, position: number): string {
  return flipBit(Buffer.from(text, 'base64url'), position).toString('base64url')
}

/** An answer of the API's error form. */
export function errorAnswer(status: number, code: string, headers: readonly string[] = []): Answer {
  const answer = jsonAnswer(status, { code, message: 'a lie', requestId: 'lie' })
  return { ...answer, rawHeaders: [...answer.rawHeaders, ...headers] }
}
