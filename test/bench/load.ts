/** A closed loop of clients from outside: each sends, waits for the whole answer, pauses if told to, sends again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'

export interface LoadResult {
  requests: number
  /** Everything that was not the expected status, by "status body" or "error code: message". */
  failures: Map<string, number>
  latenciesMs: number[]
}

export interface LoadOptions {
  url: string
  clients: number
  method?: 'GET' | 'POST'
  body?: string
  expectStatus?: number
  /** Between two calls of one client. */
  pauseMs?: () => number
}

export interface Load {
  /** Lets what runs finish; resolves with the count of everything. */
  stop(): Promise<LoadResult>
  readonly soFar: LoadResult
}

export function startLoad(options: LoadOptions): Load {
  const { clients, method = 'GET', body, expectStatus = 200, pauseMs } = options
  const { origin, pathname, search } = new URL(options.url)
  const agent = new Agent({ connections: clients, pipelining: 1 })
  const result: LoadResult = { requests: 0, failures: new Map(), latenciesMs: [] }
  let running = true
  const fail = (what: string) => result.failures.set(what, (result.failures.get(what) ?? 0) + 1)

  const send = async () => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await agent.request({ origin, path: pathname + search, method, body: body ?? null, headers })
    const text = await answer.body.text()
    if (answer.statusCode !== expectStatus) fail(`${answer.statusCode} ${text.slice(0, 200)}`)
  }
  const call = async () => {
    const startedAt = performance.now()
    await send().catch((error: NodeJS.ErrnoException) => fail(`${error.code ?? error.name}: ${error.message}`))
    result.requests += 1
    result.latenciesMs.push(performance.now() - startedAt)
  }
  const client = async () => {
    while (running) {
      await call()
      if (pauseMs !== undefined) await sleep(pauseMs())
    }
  }
  const done = Promise.all(Array.from({ length: clients }, client))
  return {
    soFar: result,
    async stop() {
      running = false
      await done
      await agent.close()
      return result
    },
  }
}
