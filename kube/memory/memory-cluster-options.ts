import type { KubeObject } from '../../api/object.ts'
import type { AnyKind } from '../kinds.ts'
import type { Persistence } from './persistence.ts'

/** Schema of custom kinds, by their name: gives back the object with its defaults, or throws; the message says which rule it breaks. */
export type Admit = (kind: string, object: KubeObject) => KubeObject

export interface MemoryClusterOptions {
  /** Called on create and patch (not for the status), before anything is written. */
  admit?: Admit
  /** Where the `kinds` are kept; the others are gone with the process. */
  persistence?: { store: Persistence; kinds: AnyKind[] }
  /** Epoch milliseconds. */
  now?: () => number
  /** Uniform in [0, 1). */
  random?: () => number
  /** Runs watches and garbage collection, soon and never at once; default: setImmediate. */
  schedule?: (run: () => void) => void
  /** What went wrong where no caller waits: a throwing cache handler, an unwritable event. Default: an uncaught exception. */
  onError?: (error: unknown) => void
  /** `source.component` of recorded events. */
  component?: string
}
