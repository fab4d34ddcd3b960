/** Where pods say that they are up: before the kubelet says it, and sometimes before the API shows that they exist. */
import type { PhoneHome } from '../../api/protocol.ts'
import type { Cache } from '../../kube/cluster.ts'
import type { Pod } from '../../kube/objects.ts'
import type { Keys } from '../keys/keys.ts'
import { judgePhoneHome, type PhoneHomeVerdict } from './phone-home.ts'
import type { PodInspector } from './pod-inspection.ts'
import { refOf, type PodRecord } from './pod-record.ts'
import type { PodTable } from './pod-table.ts'

export interface PhoneHomeCall {
  message: PhoneHome
  /** What came as bearer. */
  token: string
  remoteAddress: string
}

export interface PodDoorOptions {
  table: PodTable
  pods: Cache<Pod>
  keys: Keys
  inspector: PodInspector
  /** A pod is up and generic. */
  offer: (record: PodRecord) => void
  /** A pod made for one function is up. False when this process does not wait for it. */
  ownUp: (record: PodRecord) => boolean
}

/** Calls of pods that the API has not shown yet, at most this many. */
const MOST_EARLY_CALLS = 1_000

export class PodDoor {
  readonly #options: PodDoorOptions
  readonly #early = new Map<string, PhoneHome>()

  constructor(options: PodDoorOptions) {
    this.#options = options
  }

  call({ message, token, remoteAddress }: PhoneHomeCall): PhoneHomeVerdict {
    const { keys, table } = this.#options
    const tokenValid = keys.isPhoneHomeToken(token, message)
    const verdict = judgePhoneHome({ message, remoteAddress, tokenValid, known: this.#known(message) })
    if (verdict.kind === 'refused') return verdict
    const record = table.get(message.uid)
    if (record !== undefined) this.#isUp(record, message)
    else if (this.#early.size < MOST_EARLY_CALLS) this.#early.set(message.uid, message)
    return verdict
  }

  /** A pod is in the table for the first time: if it has called before, it is up. */
  added(record: PodRecord): void {
    const message = this.#early.get(record.uid)
    if (message === undefined || !this.#early.delete(record.uid)) return
    if (message.name === record.name && message.namespace === record.namespace) this.#isUp(record, message)
  }

  #isUp(record: PodRecord, message: PhoneHome): void {
    const { inspector, offer, ownUp } = this.#options
    if (record.own !== undefined && record.stage === 'taken') this.#knowContact(record, message)
    if (record.own !== undefined && ownUp(record)) return
    // It called before, and that answer was lost, or it was restarted: it has to say which.
    if (record.stage !== 'booting' || record.label !== 'generic') return void inspector.inspect(record)
    this.#knowContact(record, message)
    offer(record)
  }

  #knowContact(record: PodRecord, message: PhoneHome): void {
    record.contact = { host: message.address, controlPort: message.controlPort, dataPort: message.dataPort }
    record.calledHome = true
    record.isUp = true
  }

  #known(message: PhoneHome): { uid: string; podIP?: string | undefined } | undefined {
    const pod = this.#options.pods.get(refOf(message))
    if (pod !== undefined) return { uid: pod.metadata.uid, podIP: pod.status?.podIP }
    const record = this.#options.table.byName(message.namespace, message.name)
    return record && { uid: record.uid }
  }
}
