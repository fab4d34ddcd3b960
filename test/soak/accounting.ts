/** What became of every record, by counting. Pure. */

/** `<key>/<n>`: the n-th record of its key. */
export type RecordName = `${string}/${number}`

export interface Seen {
  key: string
  n: number
  /** A record that its producer sent twice is two deliveries. */
  deliveryId: string
}

/** One call of the function. */
export interface SeenCall extends Seen {
  isOk: boolean
  /** What the dispatcher says it is, from 1. */
  attempt: number
}

export interface Account {
  sent: number
  handled: number
  deadLettered: number
  /** Sent, and neither handled nor dead-lettered. */
  lost: RecordName[]
  /** Handled or dead-lettered, and never sent. */
  unknown: RecordName[]
  /** Handled for the first time after a later one of their key. */
  unordered: RecordName[]
  /** Deliveries that succeeded, or were dead-lettered, once more. */
  duplicates: number
  /** Deliveries of what its producer had sent before. */
  resent: number
}

export interface Evidence {
  sent: ReadonlySet<RecordName>
  /** In the order in which they came. */
  calls: readonly SeenCall[]
  deadLetters: readonly Seen[]
}

export const nameOf = ({ key, n }: { key: string; n: number }): RecordName => `${key}/${n}`

export function account({ sent, calls, deadLetters }: Evidence): Account {
  const successes = calls.filter(({ isOk }) => isOk)
  const handled = new Set(successes.map(nameOf))
  const dead = new Set(deadLetters.map(nameOf))
  const ended = [...successes, ...deadLetters]
  const deliveries = new Set(ended.map(({ deliveryId }) => deliveryId)).size
  return {
    sent: sent.size,
    handled: handled.size,
    deadLettered: dead.size,
    lost: [...sent].filter((name) => !handled.has(name) && !dead.has(name)),
    unknown: [...handled, ...dead].filter((name) => !sent.has(name)),
    unordered: unorderedOf(successes),
    duplicates: ended.length - deliveries,
    resent: deliveries - new Set(ended.map(nameOf)).size,
  }
}

function unorderedOf(successes: readonly Seen[]): RecordName[] {
  const seen = new Set<RecordName>()
  const last = new Map<string, number>()
  return successes.flatMap((success) => {
    const name = nameOf(success)
    if (seen.has(name)) return []
    seen.add(name)
    const before = last.get(success.key) ?? -1
    last.set(success.key, Math.max(before, success.n))
    return success.n < before ? [name] : []
  })
}
