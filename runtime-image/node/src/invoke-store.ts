/**
 * Lambda's `awslambda.InvokeStore`: what belongs to the running invocation and to no other that runs beside it. The AWS SDK takes the trace from
 * it, Powertools keeps there what it knows of an invocation where several run at once (`AWS_LAMBDA_MAX_CONCURRENCY`). Keys, methods and errors
 * are those of @aws/lambda-invoke-store, which takes this one if it is there.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { traceId } from './context.ts'

const KEYS = {
  REQUEST_ID: Symbol.for('_AWS_LAMBDA_REQUEST_ID'),
  X_RAY_TRACE_ID: Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID'),
  TENANT_ID: Symbol.for('_AWS_LAMBDA_TENANT_ID'),
  TRACEPARENT: Symbol.for('_AWS_LAMBDA_TRACEPARENT'),
  TRACESTATE: Symbol.for('_AWS_LAMBDA_TRACESTATE'),
  BAGGAGE: Symbol.for('_AWS_LAMBDA_BAGGAGE'),
}
const PROTECTED: ReadonlySet<unknown> = new Set(Object.values(KEYS))

type Context = Record<PropertyKey, unknown>

export interface Running {
  readonly id: string
  readonly head: { traceparent: string | undefined }
}

export class InvokeStore {
  private readonly running: () => Running | undefined
  private readonly contexts = new WeakMap<Running, Context>()
  /** Of user code that runs something in a context of its own. */
  private readonly own = new AsyncLocalStorage<Context>()

  /** `running`: the invocation whose code asks. */
  constructor(running: () => Running | undefined) {
    this.running = running
  }

  getContext(): Context | undefined {
    const running = this.running()
    return this.own.getStore() ?? (running && this.contextOf(running))
  }

  hasContext(): boolean {
    return this.own.getStore() !== undefined || this.running() !== undefined
  }

  get(key: PropertyKey): unknown {
    return this.getContext()?.[key]
  }

  set(key: PropertyKey, value: unknown): void {
    if (this.isProtectedKey(key)) throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`)
    const context = this.getContext()
    if (context === undefined) throw new Error('No context available')
    context[key] = value
  }

  run<T>(context: Context, fn: () => T): T {
    return this.own.run(context, fn)
  }

  isProtectedKey(key: PropertyKey): boolean {
    return PROTECTED.has(key)
  }

  getRequestId(): unknown {
    return this.get(KEYS.REQUEST_ID) ?? '-'
  }

  getXRayTraceId(): unknown {
    return this.get(KEYS.X_RAY_TRACE_ID)
  }

  /** There are none. */
  getTenantId(): unknown {
    return this.get(KEYS.TENANT_ID)
  }

  getTraceparent(): unknown {
    return this.get(KEYS.TRACEPARENT)
  }

  getTracestate(): unknown {
    return this.get(KEYS.TRACESTATE)
  }

  getBaggage(): unknown {
    return this.get(KEYS.BAGGAGE)
  }

  private contextOf(running: Running): Context {
    const known = this.contexts.get(running)
    if (known !== undefined) return known
    const { id, head } = running
    const context: Context = {
      [KEYS.REQUEST_ID]: id,
      [KEYS.X_RAY_TRACE_ID]: traceId(head.traceparent),
      [KEYS.TRACEPARENT]: head.traceparent,
    }
    this.contexts.set(running, context)
    return context
  }
}
