/** What `dormouse invoke` sends a function of each signature: JSON for events, a CloudEvent, any body for http. Bytes go as they came. */
import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { DormouseFunction } from '../../api/function.ts'
import { CliError } from '../cli-error.ts'
import { dataText } from '../data-option.ts'
import { EXIT } from '../exit-codes.ts'

export interface InvokeData {
  /** As `--data` said it. */
  named: string
  bytes: Buffer<ArrayBuffer>
}

type Headers = Readonly<Record<string, string>>

/** Throws CliError (usage) where JSON is expected and something else came. */
export function requestOf(
  { spec }: DormouseFunction,
  data: InvokeData | undefined,
  headers: Headers = {},
): RequestInit {
  switch (spec.signature) {
    case 'http':
      return data === undefined ? { method: 'GET', headers } : post(headers, mediaTypeOf(data.bytes), data.bytes)
    case 'event':
      return post(headers, 'application/json', data === undefined ? '{}' : checkedJson(data).bytes)
    case 'cloudevent':
      return post(headers, 'application/cloudevents+json', data === undefined ? wrapped('{}') : cloudEvent(data))
  }
}

function post(headers: Headers, type: string, body: string | Buffer<ArrayBuffer>): RequestInit {
  return { method: 'POST', headers: { ...headers, 'content-type': type }, body }
}

function mediaTypeOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) return 'application/octet-stream'
  return isJson(bytes.toString('utf8')) ? 'application/json' : 'text/plain'
}

/** A whole CloudEvent goes as it is; anything else becomes the data of one. */
function cloudEvent(data: InvokeData): string | Buffer<ArrayBuffer> {
  const { text, bytes } = checkedJson(data)
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null && 'specversion' in value ? bytes : wrapped(text)
}

/** Around the JSON as it was written: to write it anew would round its large numbers. */
function wrapped(json: string): string {
  const envelope = { specversion: '1.0', id: randomUUID(), source: 'dormouse-cli', type: 'dev.dormouse.invoke' }
  const attributes = JSON.stringify({ ...envelope, datacontenttype: 'application/json' })
  return `${attributes.slice(0, -1)},"data":${json}}`
}

function checkedJson({ named, bytes }: InvokeData): { text: string; bytes: Buffer<ArrayBuffer> } {
  const text = dataText(bytes, named)
  if (!isJson(text)) throw new CliError(EXIT.usage, '--data: expected JSON, for example {"name":"Ada"}')
  return { text, bytes }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
