/**
 * An answer to Lambda's Invoke, which is whole or a failure of the function: what a function streams is held until it has ended, with the
 * report and the log that come behind it. A client that read half of an answer would take it for a broken connection and call again.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADER } from '../../api/names.ts'
import { Exchange } from '../proxy/exchange.ts'
import { BROKEN_OFF, isRefusal, largerThan, refusalOf } from './unusable-answers.ts'

/** Lambda's limit of a payload that is not streamed. */
const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024
const JSON_TYPE = 'application/json'

export class WholeExchange extends Exchange {
  /** Its head, while it is held. */
  #head: { status: number; from: IncomingHttpHeaders; isRefusal: boolean } | undefined
  #chunks: Buffer[] = []
  #size = 0

  override onStart(status: number, from: IncomingHttpHeaders): void {
    const { signature } = this.context
    const refused = isRefusal(status, { from, signature })
    if (refused || (signature !== 'http' && from['content-length'] === undefined))
      this.#head = { status, from, isRefusal: refused }
    else super.onStart(status, from)
  }

  override onData(chunk: Buffer): boolean {
    if (this.#head === undefined) return super.onData(chunk)
    this.#size += chunk.length
    if (this.#size <= PAYLOAD_LIMIT_BYTES) return this.#chunks.push(chunk) > 0
    this.stop()
    this.#fail(largerThan(PAYLOAD_LIMIT_BYTES))
    return false
  }

  override onEnd(trailers: IncomingHttpHeaders): void {
    if (this.#head === undefined) return super.onEnd(trailers)
    const { status, from, isRefusal: refused } = this.#head
    const body = Buffer.concat(this.#chunks)
    if (refused) return this.reject(refusalOf(body))
    this.#send(status, { ...from, ...trailers, trailer: undefined, 'transfer-encoding': undefined }, body)
  }

  protected override breakOff(): void {
    if (this.#head === undefined) super.breakOff()
    else this.#fail(BROKEN_OFF)
  }

  /** `error`: JSON. */
  #fail(error: string): void {
    this.#send(500, { 'content-type': JSON_TYPE, [HEADER.error]: 'unhandled' }, Buffer.from(error))
  }

  #send(status: number, from: IncomingHttpHeaders, body: Buffer): void {
    this.#head = undefined
    this.#chunks = []
    super.onStart(status, { ...from, 'content-length': String(body.length) })
    super.onData(body)
    super.onEnd({})
  }
}
