/**
 * The CloudEvent that a function answers a delivery with, and the topic it goes to: named by the answer's header `dormouse-topic`, or by the
 * event's own attribute `dormousetopic` where functions cannot set headers. An answer that names no topic is no reply. Pure.
 */
import { decodeAttribute } from '../../events/attribute-header.ts'
import { MAX_RECORD_BYTES, TOPIC_PATTERN, type Header, type LogRecord, type NewRecord } from '../../events/event-log.ts'
import type { Failure } from '../../events/delivery.ts'
import { isReservedTopic } from '../../events/topic-names.ts'
import { isStructured, STRUCTURED_TYPE } from '../../events/structured-mode.ts'
import { isJsonType, mistakeIn, parseEnvelope } from './cloud-event.ts'
import { nextHop } from './hops.ts'
import type { Answer } from './outcome.ts'
import { traceOn } from './trace.ts'
import { errorText } from '../../lib/error-text.ts'
import { parseExactly } from '../../lib/exact-json.ts'

export const REPLY_HEADER = 'dormouse-topic'
const REPLY_ATTRIBUTE = 'dormousetopic'
const NO_CONTENT = 204

export type Reply = { kind: 'record'; record: NewRecord } | { kind: 'refused'; failure: Failure }

interface Event {
  attributes: Record<string, string>
  headers: Header[]
  value: Buffer | null
}

/** `answered`: the record that the function was called with. Undefined: nothing is to be sent. */
export function replyOf(answer: Answer, answered: LogRecord): Reply | undefined {
  const header = answer.headers[REPLY_HEADER]
  const named = Array.isArray(header) ? header[0] : header
  try {
    const event = eventOf(answer)
    const topic = named ?? event?.attributes[REPLY_ATTRIBUTE]
    if (topic === undefined) return undefined
    if (event === undefined) throw new Error(`expected a CloudEvent for the topic ${topic}, got another answer`)
    checkTopic(topic)
    if (answer.isCut) return refused('too-large', answer, `expected a reply of at most ${MAX_RECORD_BYTES} bytes`)
    const key = event.attributes['partitionkey']
    const headers = [...event.headers, ...traceOn(answered), nextHop(answered)]
    return {
      kind: 'record',
      record: { topic, key: key === undefined ? null : Buffer.from(key), value: event.value, headers },
    }
  } catch (error) {
    // What is not addressed to anybody may look like an event and be none.
    if (named === undefined && !claimsTopic(answer)) return undefined
    return refused('unhandled', answer, errorText(error))
  }
}

function refused(errorClass: Failure['class'], { status }: Answer, message: string): Reply {
  return { kind: 'refused', failure: { class: errorClass, status, message: `the reply cannot be sent: ${message}` } }
}

function checkTopic(topic: string): void {
  if (!TOPIC_PATTERN.test(topic))
    throw new Error(`expected a name of a topic, got ${JSON.stringify(topic.slice(0, 300))}`)
  if (isReservedTopic(topic))
    throw new Error(
      `topics that begin with dormouse., dormouse_ or __ belong to the platform and to Kafka, got ${topic}`,
    )
}

/** Throws Error when it is meant to be an event and is none. */
function eventOf({ status, headers, body }: Answer): Event | undefined {
  // An empty body may be data that is empty; an answer without content says that there is none.
  if (headers['ce-specversion'] !== undefined) return binary(headers, status === NO_CONTENT ? null : body)
  const contentType = headers['content-type'] ?? ''
  if (isStructured(contentType)) return structured(body)
  // Functions with signature cloudevent return an object and cannot say what it is.
  return isJsonType(contentType) && body.includes('"specversion"') ? structured(body) : undefined
}

function binary(headers: Answer['headers'], body: Buffer | null): Event {
  const attributes: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    if (name.startsWith('ce-')) attributes[name.slice(3)] = decodeAttribute(String(headers[name]))
  }
  const mistake = mistakeIn(attributes)
  if (mistake !== undefined) throw new Error(mistake)
  const stored = Object.entries(attributes).filter(([name]) => name !== REPLY_ATTRIBUTE)
  const contentType = headers['content-type']
  const own: Header[] = contentType === undefined ? [] : [['content-type', Buffer.from(contentType)]]
  for (const [name, value] of stored) own.push([`ce_${name}`, Buffer.from(value)])
  return { attributes, headers: own, value: body }
}

function structured(body: Buffer): Event {
  const { attributes } = parseEnvelope(body)
  const headers: Header[] = [['content-type', Buffer.from(STRUCTURED_TYPE)]]
  if (attributes[REPLY_ATTRIBUTE] === undefined) return { attributes, headers, value: body }
  const { [REPLY_ATTRIBUTE]: _, ...kept } = parseExactly(body.toString('utf8')) as Record<string, unknown>
  return { attributes, headers, value: Buffer.from(JSON.stringify(kept)) }
}

function claimsTopic({ headers, body }: Answer): boolean {
  return headers[`ce-${REPLY_ATTRIBUTE}`] !== undefined || body.includes(`"${REPLY_ATTRIBUTE}"`)
}
