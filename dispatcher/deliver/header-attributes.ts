/**
 * The headers of a record that is no CloudEvent, as extensions of the one it is taken for, named as Knative's KafkaSource names them. Pure.
 */
import type { Header } from '../../events/event-log.ts'
import { printable } from '../../events/payload.ts'
import { userHeaders } from '../../events/record-headers.ts'
import { HEADER_PREFIX } from '../../api/names.ts'

const PREFIX = 'kafkaheader'
/** Said elsewhere in the request. */
const TOLD: ReadonlySet<string> = new Set(['content-type', 'content-encoding', 'traceparent', 'tracestate'])
/** Many servers take heads of 16 KiB: more would make dead letters of records. */
const MOST_BYTES = 8 * 1024

/** Of those whose value is text; of several of one name the last. */
export function headerAttributes(headers: readonly Header[]): Record<string, string> {
  const attributes: Record<string, string> = {}
  let sizeBytes = 0
  for (const [name, value] of userHeaders(headers)) {
    const lower = name.toLowerCase()
    if (TOLD.has(lower) || lower.startsWith(HEADER_PREFIX)) continue
    const bare = lower.replace(/[^a-z0-9]/g, '')
    const text = value.length > MOST_BYTES ? undefined : printable(value)
    if (bare === '' || text === undefined) continue
    // As it is written, percent-encoded at the worst.
    sizeBytes += PREFIX.length + bare.length + encodeURIComponent(text).length
    if (sizeBytes > MOST_BYTES) break
    attributes[`${PREFIX}${bare}`] = text
  }
  return attributes
}
