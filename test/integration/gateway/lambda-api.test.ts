/** Lambda's Invoke action: what its clients send, and what they read. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
  type InvokeCommandInput,
  type InvokeWithResponseStreamCommandInput,
  type InvokeWithResponseStreamCompleteEvent,
} from '@aws-sdk/client-lambda'
import { afterEach, describe, expect, test } from '@jest/globals'
import { openSqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'
import type { PodScript } from '../../fakes/fake-pod.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

const start = () => GatewayWorld.start({ fn: { signature: 'event' } })
const answering =
  (value: unknown, status = 200, headers: Record<string, string> = {}) =>
  (_request: unknown, response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
/** What a runtime says of a payload that is no JSON (docs/runtime-contract.md). */
const NO_JSON = { errorType: 'InvalidRequestContent', errorMessage: 'Could not parse the request body', trace: [] }
const base64 = (text: string) => Buffer.from(text).toString('base64')
const invoke = (name: string, { headers = {}, body = '{"n":1}', query = '' } = {}) =>
  fetch(`${world.internalUrl}/2015-03-31/functions/${encodeURIComponent(name)}/invocations${query}`, {
    ...{ method: 'POST', headers, body },
  })

const clientOf = ({ internalUrl }: GatewayWorld) =>
  new LambdaClient({
    ...{ region: 'local', endpoint: internalUrl, maxAttempts: 1 },
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  })

/** What its client makes of a streamed answer. */
async function streamed(script: PodScript, input: Partial<InvokeWithResponseStreamCommandInput> = {}) {
  const client = clientOf(world)
  await world.pod({ script })
  const chunks: string[] = []
  try {
    const command = new InvokeWithResponseStreamCommand({ FunctionName: 'hello', ...input })
    const { EventStream, StatusCode, ExecutedVersion } = await client.send(command)
    let end: InvokeWithResponseStreamCompleteEvent | undefined
    for await (const event of EventStream ?? []) {
      if (event.PayloadChunk?.Payload) chunks.push(Buffer.from(event.PayloadChunk.Payload).toString())
      end = event.InvokeComplete ?? end
    }
    return { StatusCode, ExecutedVersion, text: chunks.join(''), chunks: chunks.length, end }
  } finally {
    client.destroy()
  }
}

describe("Lambda's InvokeWithResponseStream, as the AWS SDK's client reads it", () => {
  const fine = { StatusCode: 200, ExecutedVersion: '$LATEST' }
  const error = { errorType: 'TypeError', errorMessage: 'not today' }

  test('brings what comes as it comes, and the end', async () => {
    world = await start()
    let isHeard: () => void = () => undefined
    const heard = new Promise<void>((resolve) => (isHeard = resolve))
    const script: PodScript = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain', trailer: 'dormouse-report' })
      response.write('one ')
      setTimeout(() => {
        response.addTrailers({ 'dormouse-report': 'duration=1.00;billed=2' })
        response.end('two')
        isHeard()
      }, 100)
    }
    expect(await streamed(script)).toEqual({ ...fine, text: 'one two', chunks: 2, end: {} })
    await heard
  })

  test('brings a whole result, with the log', async () => {
    world = await start()
    const script = answering({ fine: true }, 200, { 'dormouse-log-result': 'bG9n' })
    expect(await streamed(script, { LogType: 'Tail', Payload: Buffer.from('{"n":1}') })).toMatchObject({
      ...{ ...fine, text: '{"fine":true}', end: { LogResult: 'bG9n' } },
    })
    expect(world.pods[0]?.seen[0]).toMatchObject({ body: Buffer.from('{"n":1}') })
  })

  test('tells of a failure at the end', async () => {
    world = await start()
    const { text, end } = await streamed(answering(error, 500, { 'dormouse-error': 'handled' }))
    expect([text, end?.ErrorCode, JSON.parse(end?.ErrorDetails ?? '')]).toEqual(['', 'Unhandled', error])
  })

  test('tells of an answer that breaks off', async () => {
    world = await start()
    const { text, end } = await streamed((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).write('half')
      setTimeout(() => response.destroy(), 50)
    })
    expect([text, end?.ErrorCode]).toEqual(['half', 'Unhandled'])
    expect(JSON.parse(end?.ErrorDetails ?? '')).toMatchObject({ errorType: 'Runtime.StreamError' })
  })

  test('tells of a pod that died before it answered', async () => {
    world = await start()
    const { end } = await streamed((request) => void request.socket.destroy())
    expect(JSON.parse(end?.ErrorDetails ?? '')).toMatchObject({ errorType: 'Runtime.ExitError' })
  })

  test('is refused as the whole one is', async () => {
    world = await start()
    await expect(streamed(answering('never'), { FunctionName: 'none' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
  })

  test('is refused, and no success, when the payload is not JSON', async () => {
    world = await start()
    const refused = streamed(answering(NO_JSON, 400), { Payload: Buffer.from('no json') })
    await expect(refused).rejects.toMatchObject({
      ...{ name: 'InvalidRequestContentException', message: NO_JSON.errorMessage },
    })
  })

  test('is not for asynchronous invocations', async () => {
    world = await start()
    const refused = streamed(answering('never'), { InvocationType: 'Event' as 'DryRun' })
    await expect(refused).rejects.toMatchObject({ name: 'InvalidParameterValueException' })
  })
})

describe("Lambda's Invoke action", () => {
  test.each([
    'hello',
    'hello:$LATEST',
    'default:function:hello',
    'arn:aws:lambda:local:default:function:hello',
    'arn:aws:lambda:eu-west-1:default:function:hello:$LATEST',
  ])('calls %s', async (name) => {
    world = await start()
    const pod = await world.pod({ script: answering({ fine: true }) })
    const answer = await invoke(name)
    expect([answer.status, await answer.json()]).toEqual([200, { fine: true }])
    expect(Object.fromEntries(answer.headers)).toMatchObject({ 'x-amz-executed-version': '$LATEST' })
    expect(answer.headers.get('x-amzn-requestid')).toBe(pod.seen[0]?.headers['dormouse-request-id'])
    expect(answer.headers.has('x-amz-function-error')).toBe(false)
    expect(pod.seen[0]).toMatchObject({ method: 'POST', url: '/', body: Buffer.from('{"n":1}') })
  })

  test('passes client context and log type on, and the log back', async () => {
    world = await start()
    const pod = await world.pod({ script: answering('done', 200, { 'dormouse-log-result': 'bG9n' }) })
    const answer = await invoke('hello', { headers: { 'X-Amz-Log-Type': 'Tail', 'X-Amz-Client-Context': 'e30=' } })
    expect(answer.headers.get('x-amz-log-result')).toBe('bG9n')
    expect(pod.seen[0]?.headers).toMatchObject({ 'dormouse-log-type': 'Tail', 'dormouse-client-context': 'e30=' })
  })

  test.each([
    ['no base64', '!!!'],
    ['no JSON', base64('client')],
    ['no object', base64('[1]')],
    ['too long', base64(`{"custom":"${'x'.repeat(3000)}"}`)],
  ])('refuses a client context that is %s, and calls nobody', async (_what, context) => {
    world = await start()
    const pod = await world.pod({ script: answering('never') })
    const answer = await invoke('hello', { headers: { 'X-Amz-Client-Context': context } })
    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([400, 'InvalidRequestContentException'])
    expect(pod.seen).toEqual([])
  })

  test('goes on with the trace that AWS SDKs pass on', async () => {
    world = await start()
    const pod = await world.pod({ script: answering('done') })
    const trace = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
    await invoke('hello', { headers: { 'X-Amzn-Trace-Id': trace } })
    const traceparent = '00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01'
    expect(pod.seen[0]?.headers).toMatchObject({ traceparent })
  })

  test.each([
    ['unhandled', 'Unhandled'],
    ['handled', 'Handled'],
  ])("tells a function's failure in a 200: %s", async (kind, told) => {
    world = await start()
    const error = { errorType: 'TypeError', errorMessage: 'not today', trace: [] }
    await world.pod({ script: answering(error, 500, { 'dormouse-error': kind }) })
    const answer = await invoke('hello')
    expect([answer.status, answer.headers.get('x-amz-function-error'), await answer.json()]).toEqual([200, told, error])
  })

  test('tells the death of a pod as the failure of the function', async () => {
    world = await start()
    await world.pod({ script: (request) => void request.socket.destroy(), acknowledges: true })
    const answer = await invoke('hello')
    expect([answer.status, answer.headers.get('x-amz-function-error')]).toEqual([200, 'Unhandled'])
    expect(await answer.json()).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringMatching(/^RequestId: /),
    })
  })

  test.each([
    ['a function that is not there', 'none', {}, 404, 'ResourceNotFoundException'],
    ['a version that is not there', 'hello:7', {}, 404, 'ResourceNotFoundException'],
    ['another version', 'hello', { query: '?Qualifier=prod' }, 404, 'ResourceNotFoundException'],
    ['two versions', 'hello:$LATEST', { query: '?Qualifier=7' }, 404, 'ResourceNotFoundException'],
    ['no name', 'a:b:c:d', {}, 404, 'UnknownOperationException'],
    [
      ...(['another type', 'hello', { headers: { 'x-amz-invocation-type': 'Later' } }] as const),
      ...([400, 'InvalidParameterValueException'] as const),
    ],
    ['a large body', 'hello', { body: `"${'x'.repeat(6 * 1024 * 1024)}"` }, 413, 'RequestTooLargeException'],
    [
      ...(['an event without a log', 'hello', { headers: { 'x-amz-invocation-type': 'Event' } }] as const),
      ...([500, 'ServiceException'] as const),
    ],
  ])('refuses %s as Lambda does', async (...[, name, options, status, type]) => {
    world = await start()
    await world.pod({ script: answering('never') })
    const answer = await invoke(name, options)
    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([status, type])
    expect(await answer.json()).toMatchObject({ Type: status < 500 ? 'User' : 'Service', message: expect.any(String) })
  })

  test('tells a caller to come later in 429', async () => {
    world = await GatewayWorld.start({ fn: { signature: 'event' }, limits: { queueLimit: 0 } })
    const answer = await invoke('hello')
    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([429, 'TooManyRequestsException'])
    expect(answer.headers.get('retry-after')).toBe('1')
  })

  test('tries dry without an event log, and calls nobody', async () => {
    world = await start()
    const pod = await world.pod({ script: answering('never') })
    expect((await invoke('hello', { headers: { 'x-amz-invocation-type': 'DryRun' } })).status).toBe(204)
    expect(pod.seen).toEqual([])
  })

  test("is what the AWS SDK's client speaks", async () => {
    world = await start()
    const error = { errorType: 'TypeError', errorMessage: 'not today' }
    const fails = answering(error, 500, { 'dormouse-error': 'handled', 'dormouse-log-result': 'bG9n' })
    const pod = await world.pod({
      script: (request, response) => {
        const body = pod.seen.at(-1)?.body.toString() ?? ''
        return body === '"a"' ? fails(request, response) : answering({ got: body })(request, response)
      },
    })
    const client = clientOf(world)
    const send = (input: Partial<InvokeCommandInput>) =>
      client.send(new InvokeCommand({ FunctionName: 'hello', ...input }))
    try {
      const fine = await send({ Payload: Buffer.from('{"n":1}') })
      expect(fine).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' })
      expect(fine.FunctionError).toBeUndefined()
      expect(fine.Payload?.transformToString()).toBe('{"got":"{\\"n\\":1}"}')
      const failed = await send({ Payload: Buffer.from('"a"'), LogType: 'Tail' })
      expect(failed).toMatchObject({ StatusCode: 200, FunctionError: 'Handled', LogResult: 'bG9n' })
      expect(JSON.parse(failed.Payload?.transformToString() ?? '')).toEqual(error)
      expect((await send({ InvocationType: 'DryRun' })).StatusCode).toBe(204)
      await expect(send({ FunctionName: 'none' })).rejects.toMatchObject({
        ...{ name: 'ResourceNotFoundException', message: 'there is no function default/none' },
      })
      await expect(send({ InvocationType: 'Event' })).rejects.toMatchObject({ name: 'ServiceException' })
    } finally {
      client.destroy()
    }
  })

  test('tells why a payload is not taken', async () => {
    world = await start()
    await world.pod({ script: answering(NO_JSON, 400) })
    const answer = await invoke('hello', { body: 'no json' })
    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([400, 'InvalidRequestContentException'])
    expect(await answer.json()).toMatchObject({ Type: 'User', message: NO_JSON.errorMessage })
  })

  test('leaves a 400 of a function of signature http as it is', async () => {
    world = await GatewayWorld.start({ fn: { signature: 'http' } })
    const type = 'application/problem+json'
    await world.pod({ script: answering({ title: 'its own' }, 400, { 'content-type': type }) })
    const answer = await invoke('hello')
    expect([answer.status, answer.headers.get('content-type'), await answer.json()]).toEqual([
      ...[400, type, { title: 'its own' }],
    ])
  })

  test('stores an event, and names the invocation', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dormouse-gateway-'))
    const log = openSqliteEventLog({ path: join(directory, 'events.db'), logger: silentLogger })
    try {
      world = await GatewayWorld.start({ fn: { signature: 'event' }, events: { log, ledger: log.ledger } })
      const answer = await invoke('hello', { headers: { 'x-amz-invocation-type': 'Event' } })
      const { invocationId } = (await answer.json()) as { invocationId: string }
      expect([answer.status, answer.headers.get('x-amzn-requestid')]).toEqual([202, invocationId])
      expect(await log.ledger.get(invocationId)).toMatchObject({ id: invocationId })
    } finally {
      await world.stop()
      await log.close()
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('leaves the path to a function that is asked for by its host', async () => {
    world = await GatewayWorld.start({ fn: { signature: 'http' } })
    const pod = await world.pod({ script: (_request, response) => void response.writeHead(418).end() })
    const path = '/2015-03-31/functions/other/invocations'
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const options = { method: 'POST', headers: { host: 'hello.default' } }
      const asked = request(
        world.internalUrl + path,
        options,
        (answer) => (answer.resume(), resolve(answer.statusCode)),
      )
      asked.on('error', reject).end()
    })
    expect([status, pod.seen[0]?.url]).toEqual([418, path])
  })

  test('is none of the public listener', async () => {
    world = await start()
    const path = '/2015-03-31/functions/hello/invocations'
    const pod = await world.pod({ script: answering({ statusCode: 201 }) })
    expect((await fetch(world.publicUrl + path, { method: 'POST', body: '{}' })).status).toBe(201)
    expect(JSON.parse(pod.seen[0]?.body.toString() ?? '{}')).toMatchObject({ version: '2.0', rawPath: path })
  })
})
