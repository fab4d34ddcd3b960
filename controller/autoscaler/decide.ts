/**
 * How many pods a function should have, from what data planes saw: a pure fold. The next decision depends on nothing but
 * the state the last one returned and one observation, so a recording of observations replays to the same decisions (recording.ts).
 *
 *   steady   ceil(mean concurrency of the last 10 s / (concurrency × target))
 *   burst    the same over the last 2 s, taken at once when it is twice of what there is, and for 10 s from then on
 *   down     only to the highest wish of the last 30 s, and by half at most every 2 s
 *   idle     to `min` at once when nothing ran for idleAfter since the last response
 *   silence  no fresh report: hold; silence is not idleness
 *   waking   what waits for a first pod has had as many started by its wake-up as it needs: until reports tell of nothing older than that pod,
 *            load counts without the headroom that `target` asks for, and not at all while there is no pod, which another replica may be starting,
 *            or while another replica makes pods ready
 */

export interface ScalePolicy {
  stableWindowMs: number
  burstWindowMs: number
  /** A wish counts this long against scaling down. */
  downWindowMs: number
  /** One step down takes at most half of the pods, and steps are this far apart. */
  downIntervalMs: number
  /** A report this long after the first pod was ready says nothing about the time before it: a report's interval, and a tick's. */
  wakingMs: number
  /** Load that has had no pod for this long is nobody's wake-up. */
  forgottenMs: number
}

export const DEFAULT_SCALE_POLICY: ScalePolicy = {
  stableWindowMs: 10_000,
  burstWindowMs: 2_000,
  downWindowMs: 30_000,
  downIntervalMs: 2_000,
  wakingMs: 2_000,
  forgottenMs: 15_000,
}

export interface ScaleSettings {
  /** Requests one pod runs at once. */
  concurrency: number
  /** Share of it that should be busy. */
  target: number
  min: number
  max: number
  idleAfterMs: number
}

/** Sums over all data planes with a report not older than 5 s. */
export interface ObservedLoad {
  /** Mean of running + waiting since the last reports. */
  meanConcurrency: number
  /** Running or waiting right now. */
  active: number
  /** When the last response ended anywhere; absent when no data plane remembers one. */
  lastResponseAtMs?: number
}

export interface ScaleObservation {
  nowMs: number
  settings: ScaleSettings
  /** Pods it has: starting and ready. */
  pods: number
  /** Of them, ready ones. Absent: all. */
  ready?: number
  /** Absent: no fresh report from any data plane. */
  load?: ObservedLoad
  /** Most pods a wake-up asked for since the last observation; 0 when there was none. */
  wish: number
  /** Another replica made a pod of it ready within the last moments: it may be at more, which are not seen yet. */
  isWokenElsewhere?: boolean
}

export interface ScaleState {
  desired: number
  /** Oldest first. */
  samples: readonly { atMs: number; concurrency: number }[]
  wishes: readonly { atMs: number; pods: number }[]
  lastActiveMs: number
  /** Since when there was always a pod that is ready; absent: there is none. */
  servingSinceMs?: number | undefined
  /** Since when there was load and no pod. */
  unservedSinceMs?: number | undefined
  lastDownMs?: number
  /** Until then the last 2 s count as they are: load that has doubled once is on the move. */
  burstUntilMs?: number
}

/**
 * held: no fresh report · woken: a wake-up asked · burst, load: the windows above · idle: nothing ran for idleAfter ·
 * awake: not idle long enough for zero · recent: a wish of the last 30 s is higher · gradual: on the way down · limited: min or max
 */
export type ScaleReason = 'held' | 'woken' | 'burst' | 'load' | 'idle' | 'awake' | 'recent' | 'gradual' | 'limited'

export interface ScaleDecision {
  desired: number
  reason: ScaleReason
  state: ScaleState
}

/** Before the first observation. A function with pods counts as active just now: who forgot when it was last called lets it be. */
export function initialScaleState(nowMs: number, desired: number): ScaleState {
  return { desired, samples: [], wishes: [], lastActiveMs: nowMs, ...(desired > 0 && { servingSinceMs: 0 }) }
}

export function decide(
  previous: ScaleState,
  observation: ScaleObservation,
  policy: ScalePolicy = DEFAULT_SCALE_POLICY,
): ScaleDecision {
  const remembered = remember(previous, observation, policy)
  const state = isBurst(remembered, observation, policy)
    ? { ...remembered, burstUntilMs: observation.nowMs + policy.stableWindowMs }
    : remembered
  const wish = wished(state, observation, policy)
  const recorded = { ...state, wishes: pushWish(state.wishes, { atMs: observation.nowMs, pods: wish.pods }) }
  const allowed = allow(recorded, wish, { observation, policy })
  const desired = clamp(allowed.pods, observation.settings)
  const wentDown = desired < previous.desired
  return {
    desired,
    reason: desired === allowed.pods ? allowed.reason : 'limited',
    state: { ...recorded, desired, ...(wentDown && { lastDownMs: observation.nowMs }) },
  }
}

interface Wish {
  pods: number
  reason: ScaleReason
}

/** The state with this observation in it and everything too old for the windows out. */
function remember(previous: ScaleState, observation: ScaleObservation, policy: ScalePolicy): ScaleState {
  const { nowMs, load, wish } = observation
  const state = { ...previous, ...sinceWhen(previous, observation) }
  const samples = [...state.samples, ...sampleOf(state, observation, policy)]
  // A mean covers what has ended since; when it did, if data planes know, is more exact.
  const wasBusy = load !== undefined && load.meanConcurrency > 0 && load.lastResponseAtMs === undefined
  const busy = wish > 0 || (load !== undefined && load.active > 0) || wasBusy
  return {
    ...state,
    desired: Math.max(state.desired, wish),
    samples: samples.filter(({ atMs }) => atMs > nowMs - policy.stableWindowMs),
    wishes: state.wishes.filter(({ atMs }) => atMs > nowMs - policy.downWindowMs),
    lastActiveMs: busy ? nowMs : Math.max(state.lastActiveMs, Math.min(nowMs, load?.lastResponseAtMs ?? 0)),
  }
}

function sinceWhen(
  { servingSinceMs, unservedSinceMs }: ScaleState,
  { nowMs, load, pods, ready = pods }: ScaleObservation,
): Pick<ScaleState, 'servingSinceMs' | 'unservedSinceMs'> {
  const isUnserved = pods === 0 && load !== undefined && load.meanConcurrency > 0
  return {
    servingSinceMs: ready > 0 ? (servingSinceMs ?? nowMs) : undefined,
    unservedSinceMs: isUnserved ? (unservedSinceMs ?? nowMs) : undefined,
  }
}

function sampleOf(state: ScaleState, observation: ScaleObservation, policy: ScalePolicy): ScaleState['samples'] {
  const { nowMs, load, isWokenElsewhere = false } = observation
  if (load === undefined || isWokenElsewhere) return []
  return [{ atMs: nowMs, concurrency: load.meanConcurrency * weight(state, observation, policy) }]
}

/** How much of the load counts: all of it once a pod has been ready for long enough. */
function weight(
  { servingSinceMs, unservedSinceMs }: ScaleState,
  { nowMs, settings }: ScaleObservation,
  { wakingMs, forgottenMs }: ScalePolicy,
): number {
  if (unservedSinceMs !== undefined && nowMs - unservedSinceMs < forgottenMs) return 0
  return servingSinceMs !== undefined && nowMs - servingSinceMs >= wakingMs ? 1 : settings.target
}

/** Compared with what there is, not with the mean: more load must never lead to fewer pods. */
function isBurst(state: ScaleState, { nowMs, settings, load }: ScaleObservation, policy: ScalePolicy): boolean {
  if (!load) return false
  return podsFor(meanSince(state, nowMs - policy.burstWindowMs), settings) >= 2 * Math.max(1, state.desired)
}

/** What load and wake-ups ask for now, before any limit. */
function wished(state: ScaleState, { nowMs, load, settings, wish }: ScaleObservation, policy: ScalePolicy): Wish {
  const woken: Wish = { pods: wish, reason: 'woken' }
  if (!load) return wish > 0 && wish >= state.desired ? woken : { pods: state.desired, reason: 'held' }
  const stable = podsFor(meanSince(state, nowMs - policy.stableWindowMs), settings)
  const burst =
    (state.burstUntilMs ?? 0) > nowMs ? podsFor(meanSince(state, nowMs - policy.burstWindowMs), settings) : 0
  const byLoad: Wish = burst > stable ? { pods: burst, reason: 'burst' } : { pods: stable, reason: 'load' }
  return wish > byLoad.pods ? woken : byLoad
}

/** The wish within what may be done now: not down too early, too far or too often. */
function allow(
  state: ScaleState,
  wish: Wish,
  { observation, policy }: { observation: ScaleObservation; policy: ScalePolicy },
): Wish {
  const { nowMs, settings, load } = observation
  // First of all: what is left of past load in the means must not keep a function up that is due to sleep.
  const isIdle = load !== undefined && nowMs - state.lastActiveMs >= settings.idleAfterMs
  if (isIdle && Math.max(wish.pods, state.desired) > 0) return { pods: 0, reason: 'idle' }
  if (wish.pods >= state.desired) return wish
  const awake: Wish = wish.pods >= 1 ? wish : { pods: 1, reason: 'awake' }
  const recent = Math.max(...state.wishes.map(({ pods }) => pods))
  const kept: Wish = recent > awake.pods ? { pods: Math.min(recent, state.desired), reason: 'recent' } : awake
  return kept.pods < state.desired ? gradually(state, kept, { nowMs, policy }) : kept
}

function gradually(state: ScaleState, wish: Wish, { nowMs, policy }: { nowMs: number; policy: ScalePolicy }): Wish {
  if (state.lastDownMs !== undefined && nowMs - state.lastDownMs < policy.downIntervalMs)
    return { pods: state.desired, reason: 'gradual' }
  const half = Math.ceil(state.desired / 2)
  return half > wish.pods ? { pods: half, reason: 'gradual' } : wish
}

/** Wishes newer and at least as high make older ones irrelevant: the list stays short and falls strictly. */
function pushWish(wishes: ScaleState['wishes'], wish: { atMs: number; pods: number }): ScaleState['wishes'] {
  return [...wishes.filter(({ pods }) => pods > wish.pods), wish]
}

const clamp = (pods: number, { min, max }: ScaleSettings) => Math.max(min, Math.min(max, pods))

/** Mean concurrency of the samples after `sinceMs`. */
function meanSince({ samples }: ScaleState, sinceMs: number): number {
  const recent = samples.filter(({ atMs }) => atMs > sinceMs)
  return recent.length === 0 ? 0 : recent.reduce((sum, { concurrency }) => sum + concurrency, 0) / recent.length
}

/** Rounded to a billionth first: 0.7 × 10 is 7.000000000000001, which is no reason for one pod more. */
const podsFor = (concurrency: number, settings: ScaleSettings) =>
  Math.ceil(Math.round((concurrency / (settings.concurrency * settings.target)) * 1e9) / 1e9)
