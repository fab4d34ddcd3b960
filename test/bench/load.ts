/** A closed loop of clients from outside: each sends, waits for the whole answer, sends again. Bounded in time. */
import { Agent } from 'undici'

export interface LoadResult {
  requests: number
  /** Everything that was not the expected status, by "status code" or error code. */
  failures: Map<string, number>
  latenciesMs: number[]
}

export interface Load {
  /** Stops after the requests under way; resolves with the count of everything. */
  stop(): Promise<LoadResult>
  readonly soFar: LoadResult
}

export function startLoad(options: {
  url: string
  clients: number
  method?: string
  body?: string
  expectStatus?: number
}): Load {
  const { clients, method = 'GET', body, expectStatus = 200 } = options
  const url = new URL(options.url)
  const agent = new Agent({ connections: clients, pipelining: 1 })
  const result: LoadResult = { requests: 0, failures: new Map(), latenciesMs: [] }
  let running = true
  const fail = (what: string) => result.failures.set(what, (result.failures.get(what) ?? 0) + 1)

  const call = async () => {
    const startedAt = performance.now()
    try {
      const answer = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: method as 'GET',
        body: body ?? null,
        ...(body !== undefined && { headers: { 'content-type': 'application/json' } }),
      })
      const text = await answer.body.text()
      if (answer.statusCode !== expectStatus) fail(`${answer.statusCode} ${text.slice(0, 200)}`)
    } catch (error) {
      fail(
        error instanceof Error
          ? `${(error as NodeJS.ErrnoException).code ?? error.name}: ${error.message}`
          : String(error),
      )
    }
    result.requests += 1
    result.latenciesMs.push(performance.now() - startedAt)
  }
  const client = async () => {
    while (running) await call()
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
