/** How a revision that does not load is told to the one who has just saved it: the place first, as a path they can open. Pure. */

/** As the controller writes it: controller/functions/fate.ts. */
const LOAD_FAILURE = /^(?:Revision \S+ does not load: )?(.*) \(([^()\s]+?)(:\d+(?::\d+)?)\)\.?$/s

/** `pathOf` turns a file of the function's code into what the user calls it. */
export function describeLoadFailure(message: string, pathOf: (file: string) => string): string {
  const [, said, file, position] = LOAD_FAILURE.exec(message) ?? []
  return file === undefined ? message : `${pathOf(file)}${position ?? ''} ${said ?? ''}`
}
