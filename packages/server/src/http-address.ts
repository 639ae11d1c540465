import { isIPv6 } from 'node:net'

/** Reads `host:port` or `[ipv6]:port`; null where it is neither. */
export function parseAddress(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):(\d{1,5})$/i.exec(text)
  const [, six, host, digits] = match ?? []
  const port = Number(digits)
  if (match === null || port < 1 || port > 65_535 || (six !== undefined && !isIPv6(six))) return null
  return { host: six ?? host ?? '', port }
}
