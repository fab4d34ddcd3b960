/**
 * Connections to pods: undici Clients, one per connection, those that are free on a stack per pod. Owns their life; leaves limits to
 * the lanes, which never have more requests in flight than a pod has slots.
 *
 * undici's own Agent does the same through two more dispatchers, and its Pool looks for a free Client by asking one after the other.
 */
import { buildConnector, Client, type Dispatcher } from 'undici'

export interface PodAgentOptions extends Omit<Client.Options, 'connect' | 'connectTimeout'> {
  connectTimeoutMs: number
}

/** One that says itself when its answer has ended: its connection is then free at once, a turn of the event loop before undici says so. */
export interface PodHandler extends Dispatcher.DispatchHandler {
  connection?: PodConnection | undefined
}

export interface PodConnection {
  /** The answer has been read to its end; false when that was a reset, which undici takes for the end of one without a length. */
  answered(): boolean
  /** It ended before the pod accepted the request: those that are free have probably ended with it, and only not said so yet. */
  broken(): void
}

export class PodAgent {
  readonly #options: Client.Options & { connect: buildConnector.connector }
  readonly #pods = new Map<string, PodConnections>()

  constructor({ connectTimeoutMs, ...options }: PodAgentOptions) {
    this.#options = { ...options, connect: buildConnector({ timeout: connectTimeoutMs }) }
  }

  /** To `options.origin`; false when this was the last word, as with undici. */
  dispatch(options: Dispatcher.DispatchOptions, handler: PodHandler): boolean {
    const origin = options.origin as string
    return (this.#pods.get(origin) ?? this.#add(origin)).dispatch(options, handler)
  }

  /** Cuts all of them; what runs hears an error. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#pods.values()].map((pod) => pod.destroy()))
  }

  #add(origin: string): PodConnections {
    const added = new PodConnections(
      (pod) => new Connection(pod, origin, this.#options),
      () => void this.#pods.delete(origin),
    )
    this.#pods.set(origin, added)
    return added
  }
}

class Connection extends Client implements PodConnection {
  readonly #pod: PodConnections
  /** Its socket has failed; a new one, which undici opens when it was lost before a request was sent, has not. */
  readonly #socket: { hasFailed: boolean }
  /** On the stack. */
  free = false
  closing = false

  constructor(pod: PodConnections, origin: string, options: Client.Options & { connect: buildConnector.connector }) {
    const state = { hasFailed: false }
    super(origin, { ...options, connect: watched(options.connect, state) })
    this.#socket = state
    this.#pod = pod
  }

  answered(): boolean {
    this.#pod.giveBack(this)
    return !this.#socket.hasFailed
  }

  broken(): void {
    this.#pod.dropFree()
  }
}

/** Its listener is the first, so that who hears of the end knows how it came. */
function watched(connect: buildConnector.connector, state: { hasFailed: boolean }): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      state.hasFailed = false
      socket.once('error', () => (state.hasFailed = true))
      callback(null, socket)
    })
}

class PodConnections {
  readonly #open: (pod: PodConnections) => Connection
  readonly #onEmpty: () => void
  readonly #all = new Set<Connection>()
  /** The one used last goes first: the others may close when the load sinks. */
  readonly #free: Connection[] = []

  constructor(open: (pod: PodConnections) => Connection, onEmpty: () => void) {
    this.#open = open
    this.#onEmpty = onEmpty
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: PodHandler): boolean {
    const connection = this.#free.pop() ?? this.#add()
    connection.free = false
    handler.connection = connection
    // A request that undici refuses leaves its connection as it was: nothing will say that it is free.
    if (connection.dispatch(options, handler) || connection.stats.size === 0) this.giveBack(connection)
    return true
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map((connection) => connection.destroy()))
  }

  giveBack(connection: Connection): void {
    if (connection.free || connection.closing) return
    connection.free = true
    this.#free.push(connection)
  }

  /** Whoever comes next opens a new one, and hears at once when nobody listens any more. */
  dropFree(): void {
    for (const connection of this.#free.splice(0)) this.#close(connection)
  }

  #add(): Connection {
    const connection = this.#open(this)
    this.#all.add(connection)
    connection.on('drain', () => {
      if (!connection.free && connection.stats.size === 0) this.giveBack(connection)
    })
    connection.on('disconnect', () => this.#remove(connection))
    connection.on('connectionError', () => this.#remove(connection))
    return connection
  }

  /** Its socket is gone, and with it the request it had. One that was not sent yet is undici's to send over a new socket. */
  #remove(connection: Connection): void {
    if (connection.closing || connection.stats.size > 0) return
    if (connection.free) this.#free.splice(this.#free.lastIndexOf(connection), 1)
    this.#close(connection)
  }

  #close(connection: Connection): void {
    connection.closing = true
    this.#all.delete(connection)
    connection.close().catch(() => undefined)
    if (this.#all.size === 0) this.#onEmpty()
  }
}
