/** What the fleet remembers of one pod: the API's view and what phone-home and specialize said that the API does not show yet. */
import { objectKey, type ObjectKey, type PodState } from '../../api/names.ts'
import type { FleetPod, FleetPodPhase, Startup } from './fleet.ts'
import type { OwnPodKind } from './own-pod-policy.ts'
import { hostPort, type PodContact } from './pod-status.ts'

/**
 * booting: not known to answer · idle: generic and claimable · starting: being specialized here · taken: specialized or being specialized
 * by another controller, or claimed by label and not yet verified · ready: answers for its function · leaving: gets no new work.
 */
export type PodStage = 'booting' | 'idle' | 'starting' | 'taken' | 'ready' | 'leaving'

export interface PodClaim {
  function: { namespace: string; name: string; uid: string }
  revision: string
  claimedAtMs: number
  acknowledges: boolean
  /** Known from the pod's own answer: its labels may say more, and nothing that they may say better is written to them. */
  isGuessed?: boolean
  /** Absent when another controller claimed it. */
  timeoutMs?: number
  readyAtMs?: number
  startup?: Startup
}

export interface PodRecord {
  readonly uid: string
  readonly name: string
  readonly namespace: string
  /** Empty: an image of its function's own. */
  readonly runtime: string
  /** Of the pool it was made for, when that is one of large pods. */
  readonly memoryMb?: number
  /** Made for one function alone. */
  readonly own?: OwnPodKind
  /** See templateHash(). */
  readonly template: string
  /** When it was first heard of, by our clock; of one from before this process, when the API says that it was made. */
  readonly createdAtMs: number
  /**
   * Made with keys that are not ours: it refuses what we sign and whoever calls it with a data key of ours. before: it was there when this
   * process began, and its keys are gone · beside: another replica made it meanwhile, which may have newer ones.
   */
  readonly otherKeys?: 'before' | 'beside'
  /** `state` label as the API last showed it. */
  label: PodState
  stage: PodStage
  contact?: PodContact
  /** The address came from the pod itself: the kubelet has to agree, see phone-home.ts. */
  calledHome: boolean
  /** It has been heard of as up: by its call, the kubelet, or the controller that claimed it. */
  isUp?: boolean
  claim?: PodClaim
  /** Created by this process in this life: once up it is generic, or another controller's 409 will tell. */
  madeHere?: boolean
  /** Its labels have told where it answers. */
  isContactKnown?: boolean
  /** Why it is not counted on for now, as the API or its own silence tells. */
  stuck?: string
  /** It was given up by our own decision, not by its end. */
  retired?: boolean
  /** Aborts, with a sentence as reason, when the pod has ended or was given up: whoever talks to it can stop. */
  readonly gone: AbortController
}

export type NewPodRecord = Omit<
  PodRecord,
  'stage' | 'calledHome' | 'gone' | 'contact' | 'isUp' | 'claim' | 'madeHere' | 'retired' | 'stuck' | 'isContactKnown'
>

export const refOf = ({ namespace, name }: { namespace: string; name: string }) => ({ namespace, name })

export function functionKeyOf(record: PodRecord): ObjectKey | undefined {
  return record.claim && objectKey(record.claim.function.namespace, record.claim.function.name)
}

export function isGeneric({ stage, own }: PodRecord): boolean {
  return own === undefined && (stage === 'booting' || stage === 'idle')
}

const PHASES: Record<PodStage, FleetPodPhase> = {
  booting: 'starting',
  idle: 'starting',
  starting: 'starting',
  taken: 'starting',
  ready: 'ready',
  leaving: 'leaving',
}

function endOf({ stage, retired, gone }: PodRecord): Pick<FleetPod, 'ended'> {
  const reason: unknown = gone.signal.reason
  return stage === 'leaving' && retired !== true && typeof reason === 'string' ? { ended: reason } : {}
}

/** Undefined for pods that belong to no function. */
export function toFleetPod(record: PodRecord, dataKey: (uid: string) => string): FleetPod | undefined {
  const { claim, contact, uid, name, namespace } = record
  const key = functionKeyOf(record)
  if (claim === undefined || key === undefined || claim.function.namespace !== namespace) return undefined
  const { revision, claimedAtMs, acknowledges } = claim
  const answers = claim.readyAtMs !== undefined && contact !== undefined
  return {
    uid,
    name,
    namespace,
    function: key,
    revision,
    phase: PHASES[record.stage],
    createdAtMs: record.createdAtMs,
    claimedAtMs,
    ...(claim.timeoutMs === undefined && { isForeign: true }),
    ...(claim.readyAtMs !== undefined && { readyAtMs: claim.readyAtMs }),
    ...endOf(record),
    ...(record.stuck !== undefined && { stuck: record.stuck }),
    ...(claim.startup && { startup: claim.startup }),
    ...(answers && {
      endpoint: {
        id: uid,
        pod: name,
        function: key,
        revision,
        address: hostPort(contact.host, contact.dataPort),
        dataKey: dataKey(uid),
        acknowledges,
      },
    }),
  }
}
