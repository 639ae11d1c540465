import { webCryptoEngine } from '@strongroom/crypto'
import { runCryptoSuite, type SuiteResult } from '../../../packages/crypto/src/testing/suite.ts'

/** Vector files are asked of the page's own server; 404 means absent. */
async function load(source: 'official' | 'own', path: string): Promise<string | null> {
  const response = await fetch(`/vectors/${source}/${path}`)
  return response.ok ? response.text() : null
}

const suite = (): Promise<SuiteResult[]> => runCryptoSuite(webCryptoEngine(), load)

Object.assign(globalThis, { suite, ready: true })
