/** What `dormouse` exits with. Part of the interface: scripts rely on it. Printed by `dormouse --help`. */
export const EXIT = {
  ok: 0,
  /** What was asked for could not be done. */
  failure: 1,
  usage: 2,
  notFound: 3,
  invalidManifest: 4,
  unreachable: 5,
  functionError: 6,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_CODE_TABLE: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failure, 'what was asked for could not be done; stderr says why'],
  [EXIT.usage, 'unknown command, option or argument'],
  [EXIT.notFound, 'the object does not exist'],
  [EXIT.invalidManifest, 'a manifest is wrong; stderr names file and line'],
  [EXIT.unreachable, 'no running Dormouse could be reached'],
  [EXIT.functionError, 'invoke: the function itself failed; its error object is on stdout'],
  [EXIT.interrupted, 'interrupted (Ctrl-C)'],
]
