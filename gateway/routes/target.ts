/**
 * Reads a request target once: where its path ends, and the path in plain characters, by which routes are found. What goes on to the
 * function stays raw. Refuses what one server reads as one path and the next as another.
 */

export interface Target {
  /** Set when the target was in absolute form: it replaces the Host header (RFC 9112 §3.2.2). */
  authority: string | undefined
  /** Raw path and query, starting with `/`. */
  raw: string
  /** Length of the path within `raw`. */
  pathLength: number
  /** Path without escapes, segment by segment: a slash inside a segment stays `%2F` and so never separates. */
  path: string
}

/** Most paths have none of these and need no second look. */
const NEEDS_A_LOOK = /[%\\#]|\/\.\.(?:\/|$)/
const ABSOLUTE = /^https?:\/\/([^/?#\\@]+)((?:[/?][^]*)?)$/i

/** Undefined when it must not be served: escapes that are none, a parent segment however written, NUL, backslashes, fragments. */
export function parseTarget(target: string): Target | undefined {
  if (target.charCodeAt(0) === 47 /* / */) return parseOriginForm(target, undefined)
  const absolute = ABSOLUTE.exec(target)
  if (!absolute) return undefined
  const rest = absolute[2] ?? ''
  return parseOriginForm(rest.startsWith('/') ? rest : `/${rest}`, absolute[1])
}

function parseOriginForm(raw: string, authority: string | undefined): Target | undefined {
  const query = raw.indexOf('?')
  const rawPath = query === -1 ? raw : raw.slice(0, query)
  const path = NEEDS_A_LOOK.test(rawPath) ? plainPath(rawPath) : rawPath
  return path === undefined ? undefined : { authority, raw, pathLength: rawPath.length, path }
}

function plainPath(rawPath: string): string | undefined {
  if (/[\\#]/.test(rawPath)) return undefined
  const segments: string[] = []
  for (const rawSegment of rawPath.split('/')) {
    const segment = plainSegment(rawSegment)
    if (segment === undefined) return undefined
    segments.push(segment)
  }
  return segments.join('/')
}

function plainSegment(rawSegment: string): string | undefined {
  let segment: string
  try {
    segment = decodeURIComponent(rawSegment)
  } catch {
    return undefined
  }
  if (segment.includes('\0') || segment.split(/[/\\]/).includes('..')) return undefined
  return segment.replaceAll('/', '%2F')
}

/** `raw` without its first `segments` segments, query kept: `/a/b?c` without 1 is `/b?c`. */
export function withoutSegments({ raw, pathLength }: Target, segments: number): string {
  let at = 0
  for (let left = segments; left > 0 && at < pathLength; left--) {
    const next = raw.indexOf('/', at + 1)
    at = next === -1 || next > pathLength ? pathLength : next
  }
  return at < pathLength ? raw.slice(at) : `/${raw.slice(pathLength)}`
}
