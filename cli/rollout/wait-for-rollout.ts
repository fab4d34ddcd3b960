/** Follows an applied object until it is ready, has failed, is gone, or time runs out. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../client/api-client.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import { rolloutStatus, type RolloutStatus } from './rollout-status.ts'

export interface RolloutTarget {
  plural: string
  name: string
  namespace?: string
  generation: number
}

export type RolloutEnd =
  Exclude<RolloutStatus, { kind: 'pending' }> | { kind: 'deleted' } | { kind: 'timeout'; waitingFor: string }

export interface RolloutWait {
  client: ApiClient
  target: RolloutTarget
  /** 0 = looks once. */
  timeoutMs: number
  /** The user's Ctrl-C. */
  signal: AbortSignal
  /** Called when what it waits for changes, with a clause or a sentence of the controller's. */
  waiting?: (waitingFor: string) => void
}

/** Throws CliError (unreachable) when the instance goes away meanwhile, (interrupted) on abort. */
export async function waitForRollout(wait: RolloutWait): Promise<RolloutEnd> {
  const { timeoutMs, signal } = wait
  if (timeoutMs === 0) return lookOnce(wait)
  const timeout = AbortSignal.timeout(timeoutMs)
  let waitingFor = 'waits for the controller'
  const waiting = (what: string) => {
    waitingFor = what
    wait.waiting?.(what)
  }
  const stop = new AbortController()
  const until = AbortSignal.any([signal, timeout, stop.signal])
  try {
    const end = await firstEnd({ ...wait, waiting, signal: until })
    if (end !== undefined) return end
  } catch (error) {
    if (!timeout.aborted) throw error
  } finally {
    stop.abort()
  }
  if (signal.aborted) throw new CliError(EXIT.interrupted, 'interrupted; the rollout goes on')
  if (timeout.aborted) return { kind: 'timeout', waitingFor }
  throw new CliError(EXIT.unreachable, 'the instance stopped while the rollout was waited for')
}

async function lookOnce({ client, target: { generation, ...query } }: RolloutWait): Promise<RolloutEnd> {
  const status = rolloutStatus(await client.get(query), generation)
  return status.kind === 'pending' ? { kind: 'timeout', waitingFor: status.waitingFor } : status
}

/** Undefined when the watch ends before. */
async function firstEnd({ client, target, signal, waiting }: RolloutWait): Promise<RolloutEnd | undefined> {
  const { generation, ...query } = target
  for await (const { type, object } of client.watch(query, signal)) {
    if (type === 'deleted') return { kind: 'deleted' }
    let status = rolloutStatus(object, generation)
    if (status.kind === 'failed' && isAboutOthers(status.reason)) status = await secondLook(client, target)
    if (status.kind !== 'pending') return status
    waiting?.(status.waitingFor)
  }
  return undefined
}

/** Its cause is another object, which may have been applied an instant ago and not yet been seen. */
const ABOUT_OTHERS = ['FunctionNotFound', 'RuntimeNotFound', 'CodeUnavailable', 'Conflicted']
const isAboutOthers = (reason: string) => ABOUT_OTHERS.includes(reason)
const SETTLE_MS = 250

async function secondLook(client: ApiClient, { generation, ...query }: RolloutTarget): Promise<RolloutStatus> {
  await delay(SETTLE_MS)
  return rolloutStatus(await client.get(query), generation)
}

/** One line for people. `name`: `function/hello`. */
export function describeRollout(name: string, end: RolloutEnd, tookMs: number): string {
  switch (end.kind) {
    case 'ready': {
      const revision = end.revision === undefined ? '' : `  revision ${end.revision}`
      return `${name} ready${revision} after ${Math.round(tookMs)} ms`
    }
    case 'failed': {
      const rest = end.serving === undefined ? '' : ` — revision ${end.serving} goes on`
      return `${name} not ready: ${end.reason}: ${end.message}${rest}`
    }
    case 'deleted':
      return `${name} was deleted meanwhile`
    case 'timeout':
      return `${name} is not ready after ${Math.round(tookMs / 1000)} s (${end.waitingFor}); it is still being tried`
  }
}
