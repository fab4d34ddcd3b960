/** Something that is wrong, and what to do about it. */
export interface Finding {
  /** What it is about, as users name it: `controller`, `runtime node`, `functions`. */
  subject: string
  /** One sentence. */
  problem: string
  /** One sentence in the imperative. */
  remedy: string
}

/** `1 Function`, `3 Functions`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

const MOST_NAMES = 5

/** The first few of them. */
export function some(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES
  return rest > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${rest} more` : names.join(', ')
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, keyOf)
}
