/**
 * Names of the topics and groups that Dormouse makes for itself. All begin with `dormouse.`, which users' topics may not.
 * Keys are `namespace/name`; both are DNS labels, so that a dot always separates two parts.
 */
import { createHash } from 'node:crypto'
import { RESERVED_TOPIC_PATTERN } from '../api/topic.ts'

export const TOPIC_PREFIX = 'dormouse.'
/**
 * Of the platform, or of Kafka itself. `_` as well as `.`: a broker takes the two for one when it makes topics, so that one with the one keeps
 * that with the other from being made.
 */
const RESERVED_TOPIC = new RegExp(RESERVED_TOPIC_PATTERN)
const MAX_LENGTH = 249
const HASH_LENGTH = 16

/** What a subscription's own topics are named after: a Trigger, or the asynchronous invocations of a Function. */
export interface TopicOwner {
  kind: 'trigger' | 'async'
  /** `namespace/name`. */
  key: string
}

export function retryTopic(owner: TopicOwner, delayMs: number): string {
  return bounded(`${base(owner)}.retry.${delayMs}`)
}

export function deadLetterTopic(owner: TopicOwner): string {
  return bounded(`${base(owner)}.dlt`)
}

/** Source of a Function's asynchronous invocations. */
export function asyncTopic(functionKey: string): string {
  return bounded(base({ kind: 'async', key: functionKey }))
}

/** Source of a cron Trigger: one record per due time. */
export function cronTopic(triggerKey: string): string {
  return bounded(`${base({ kind: 'trigger', key: triggerKey })}.ticks`)
}

/** Of the sources. A Trigger made anew has another uid and so another group. */
export function triggerGroup(key: string, uid: string): string {
  return `${base({ kind: 'trigger', key })}.${uid.slice(0, 8)}`
}

/** All dispatchers read all functions' invocations in one group: consumers do not grow with the number of functions. */
export const ASYNC_GROUP = `${TOPIC_PREFIX}async`

/** What became of asynchronous invocations, told by all processes to all. */
export const INVOCATIONS_TOPIC = `${TOPIC_PREFIX}invocations`

/** Of the retry tiers, so that waits in them never disturb the sources. */
export const retryGroup = (group: string): string => `${group}-retry`

/** Remembers which dead letters were replayed. */
export const redriveGroup = (owner: TopicOwner): string => `${base(owner)}.redrive`

/** Retry tiers among `topics` that belong to the owner, whatever their delay. */
export function tiersAmong(topics: readonly string[], owner: TopicOwner): string[] {
  const prefix = `${base(owner)}.retry.`
  return topics.filter((topic) => topic.startsWith(prefix) && /^\d+$/.test(topic.slice(prefix.length)))
}

/** Of a retry tier's name; undefined when it is none, or was hashed. */
export function tierDelayMs(topic: string): number | undefined {
  const match = /\.retry\.(\d+)$/.exec(topic)
  return match === null ? undefined : Number(match[1])
}

/** Users may not write to it, nor have a Trigger read it. */
export function isReservedTopic(topic: string): boolean {
  return RESERVED_TOPIC.test(topic)
}

function base({ kind, key }: TopicOwner): string {
  return `${TOPIC_PREFIX}${key.replace('/', '.')}${kind === 'async' ? '.async' : ''}`
}

/** Longer names are cut, and told apart by a hash of the whole. */
function bounded(name: string): string {
  if (name.length <= MAX_LENGTH) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)
  return `${name.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}.${hash}`
}
