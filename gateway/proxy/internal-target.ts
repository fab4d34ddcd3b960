/** The internal listener: every function, by `/fn/<namespace>/<name>[/rest]`, by Host `<name>.<namespace>[.…]`, or as Lambda's are invoked. */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import { ProblemError } from '../../routing/problems.ts'
import { lambdaDialect } from '../lambda-api/dialect.ts'
import { invokedFunction } from '../lambda-api/function-name.ts'
import type { CallerDialect } from './caller-dialect.ts'
import { hostName } from '../routes/match.ts'
import { parseTarget } from '../routes/target.ts'
import { badPath } from './public-target.ts'
import { problemResolution, type IncomingTarget, type Resolution } from './target.ts'

const NONE: readonly string[] = []
const FUNCTION_PATH = /^\/fn\/([^/?]+)\/([^/?]+)/

export function resolveInternal(incoming: IncomingTarget, exists: (key: ObjectKey) => boolean): Resolution {
  const parsed = parseTarget(incoming.target)
  if (parsed === undefined) return problemResolution(badPath(incoming.target))
  const path = parsed.raw
  const byHost = functionOfHost(incoming.host)
  if (byHost !== undefined && exists(byHost)) return { kind: 'target', key: byHost, path, extraHeaders: NONE }
  const named = FUNCTION_PATH.exec(path)
  if (named !== null) {
    const rest = path.slice(named[0].length)
    const key = objectKey(named[1] ?? '', named[2] ?? '')
    return { kind: 'target', key, path: rest.startsWith('/') ? rest : `/${rest}`, extraHeaders: NONE }
  }
  const dialect = lambdaDialect(path)
  if (dialect !== undefined) return lambdaTarget(incoming.method, path, dialect)
  const expected = 'expected /fn/<namespace>/<name> or the Host <name>.<namespace>'
  return problemResolution(new ProblemError('unknown-route', `${expected}, got ${path} on ${incoming.host}`))
}

function lambdaTarget(method: string, path: string, dialect: CallerDialect): Resolution {
  try {
    return { kind: 'target', key: invokedFunction(method, path), path: '/', dialect, extraHeaders: NONE }
  } catch (error) {
    if (error instanceof ProblemError) return problemResolution(error)
    throw error
  }
}

/** `hello.default.svc.cluster.local:8081` → `default/hello`. */
export function functionOfHost(host: string): ObjectKey | undefined {
  const first = host.indexOf('.')
  if (first <= 0) return undefined
  const [name = '', namespace = ''] = hostName(host).split('.', 2)
  return namespace === '' ? undefined : objectKey(namespace, name)
}
