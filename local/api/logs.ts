import { FUNCTIONS } from '../../api/kinds.ts'
import { DEFAULT_NAMESPACE, objectKey } from '../../api/names.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { RouteAnswer, RouteRequest } from '../../lib/management-server.ts'
import type { LogBook } from '../logs/log-book.ts'
import type { LogLine } from '../logs/log-line.ts'
import { ApiError } from './api-error.ts'
import { createLineStream } from './line-stream.ts'

const DEFAULT_TAIL = 200
const MAX_TAIL = 100_000

/** The last `tail` lines, then with `follow=true` every new one until the client goes away. */
export async function readLogs(
  { cluster, logs }: { cluster: Cluster; logs: LogBook },
  { params, query, signal }: RouteRequest,
): Promise<RouteAnswer> {
  const { namespace = DEFAULT_NAMESPACE, name = '' } = params
  const key = objectKey(namespace, name)
  if ((await cluster.get(FUNCTIONS, { namespace, name })) === undefined)
    throw new ApiError(404, 'not-found', `Function ${key} does not exist`)
  const first = logs.tail(key, tailOf(query.tail)).map(entryOf)
  const stream = createLineStream(signal, { first, lost: (lost) => ({ lost }) })
  const tell = (line: LogLine) => stream.push(entryOf(line))
  if (query.follow === 'true') signal.addEventListener('abort', logs.follow(key, tell), { once: true })
  else stream.end()
  return { stream: stream.lines }
}

const entryOf = ({ pod, stream, text }: LogLine) => ({ pod, stream, text })

function tailOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TAIL
  const lines = Number(text)
  if (Number.isInteger(lines) && lines >= 0 && lines <= MAX_TAIL) return lines
  throw new ApiError(400, 'bad-request', `tail: expected a number of lines from 0 to ${MAX_TAIL}, got ${text}`)
}
