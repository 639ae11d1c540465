import { encodeText, MAX_NAME_LENGTH } from '../names.ts'
import type { ConflictLabel } from './types.ts'

/** Longest ending that counts as an extension, the dot included, and longest device name, in bytes of UTF-8. */
const EXTENSION_LENGTH = 32
const DEVICE_LENGTH = 64
/** Farthest moment from 1970 that a date can show. */
const LAST_MS = 8_640_000_000_000_000

/**
 * Name of a conflict copy: "name (conflict, device, date).ext", from the second on "… date) (2).ext"; at most 255
 * bytes, for which the name's own part is cut between code points. The date is UTC, to the minute.
 */
export function conflictName(name: string, label: ConflictLabel, number = 1): string {
  const [stem, extension] = splitExtension(name)
  const device = cut(wellFormed(label.deviceName).replace(/[/\0]/g, '-'), DEVICE_LENGTH)
  const count = number > 1 ? ` (${number})` : ''
  const ending = ` (conflict, ${device}, ${date(label.timeMs)})${count}${extension}`
  return cut(stem, MAX_NAME_LENGTH - encodeText(ending).length) + ending
}

function splitExtension(name: string): [string, string] {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || encodeText(name.slice(dot)).length > EXTENSION_LENGTH) return [name, '']
  return [name.slice(0, dot), name.slice(dot)]
}

/** `2026-11-29 20.15`: no character that a file system refuses. */
function date(timeMs: number): string {
  const moment = new Date(Math.min(Math.max(timeMs, -LAST_MS), LAST_MS))
  return moment
    .toISOString()
    .replace(/:\d\d\.\d+Z$/, '')
    .replace('T', ' ')
    .replace(':', '.')
}

/** The longest beginning of whole code points that has at most `length` bytes. */
function cut(text: string, length: number): string {
  let left = length
  let end = 0
  for (const character of text) {
    left -= encodeText(character).length
    if (left < 0) break
    end += character.length
  }
  return text.slice(0, end)
}

/** The text with each lone surrogate as U+FFFD. */
function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD')
}
