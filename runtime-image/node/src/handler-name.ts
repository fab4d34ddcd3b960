/** Lambda's handler names: `path/file.export.nested`. */
export type HandlerName =
  { kind: 'valid'; directory: string; file: string; exports: string[] } | { kind: 'malformed'; message: string }

export function parseHandlerName(handler: string): HandlerName {
  if (handler.includes('..')) {
    return { kind: 'malformed', message: `'${handler}' is not a valid handler name: it must not contain ".."` }
  }
  const slash = handler.lastIndexOf('/') + 1
  const dot = handler.indexOf('.', slash)
  const file = handler.slice(slash, dot)
  const exports = handler.slice(dot + 1).split('.')
  if (dot < 0 || file === '' || handler.startsWith('/') || exports.includes('')) {
    return { kind: 'malformed', message: `Bad handler: expected "path/file.export", got '${handler}'` }
  }
  return { kind: 'valid', directory: handler.slice(0, slash), file, exports }
}
