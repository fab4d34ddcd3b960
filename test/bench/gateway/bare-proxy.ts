/** The least a proxy of node:http and undici.dispatch must do, as the yardstick: no routing, no limits, no replay, no metrics. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent, type Dispatcher } from 'undici'
import { answerCpu } from './cpu-on-ask.ts'

const origin = process.argv[2] ?? ''
const agent = new Agent({ pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })

class Forward implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  #controller: Dispatcher.DispatchController | undefined
  #ended = false

  constructor(response: ServerResponse) {
    this.#response = response
    response.on('close', () => {
      if (!this.#ended) this.#controller?.abort(new Error('client gone'))
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[]>,
  ): void {
    if (status < 200) return
    delete headers['connection']
    delete headers['keep-alive']
    delete headers['transfer-encoding']
    this.#response.writeHead(status, headers)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#ended = true
    this.#response.end()
  }

  onResponseError(): void {
    this.#ended = true
    this.#response.destroy()
  }
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  const headers: string[] = []
  const raw = request.rawHeaders
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    if (name !== 'connection' && name !== 'keep-alive' && name !== 'transfer-encoding')
      headers.push(name, raw[i + 1] as string)
  }
  headers.push('dormouse-key', 'bench-key')
  const method = request.method as Dispatcher.HttpMethod
  const body = method === 'GET' || method === 'HEAD' ? null : request
  agent.dispatch({ origin, path: request.url ?? '/', method, headers, body }, new Forward(response))
}

const server = createServer({ keepAliveTimeout: 75_000 }, forward)
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
answerCpu()
