/** Answers that Lambda's Invoke action cannot pass on as they come, as the AWS SDK's client reads them. */
import type { ServerResponse } from 'node:http'
import { GetFunctionCommand, InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda'
import { afterEach, describe, expect, test } from '@jest/globals'
import type { FakePod, PodScript } from '../../fakes/fake-pod.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
let client: LambdaClient
afterEach(async () => {
  client.destroy()
  await world.stop()
})

/** `attempts`: the client's own default is three. */
async function start(signature: 'event' | 'cloudevent' | 'http', script: PodScript): Promise<FakePod> {
  world = await GatewayWorld.start({ fn: { signature } })
  client = new LambdaClient({
    ...{ region: 'local', endpoint: world.internalUrl },
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  })
  return world.pod({ script })
}

async function invoke() {
  const { $metadata, Payload, ...answer } = await client.send(new InvokeCommand({ FunctionName: 'hello' }))
  return { ...answer, text: Payload?.transformToString(), attempts: $metadata.attempts }
}

const fine = { StatusCode: 200, ExecutedVersion: '$LATEST', attempts: 1 }
const begin = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/plain', trailer: 'dormouse-report, dormouse-log-result' })

describe('of a function that streams', () => {
  test('the answer is whole, with the log that comes behind it', async () => {
    await start('event', (_request, response) => {
      begin(response).write('one ')
      response.addTrailers({ 'dormouse-report': 'duration=1.00,billed=2', 'dormouse-log-result': 'bG9n' })
      setTimeout(() => response.end('two'), 50)
    })
    expect(await invoke()).toEqual({ ...fine, text: 'one two', LogResult: 'bG9n' })
  })

  test('one that breaks off is a failure of the function, and the client does not call again', async () => {
    const pod = await start('event', (_request, response) => {
      begin(response).write('half')
      setTimeout(() => response.destroy(), 50)
    })
    const { text = '', ...answer } = await invoke()
    expect(answer).toEqual({ ...fine, FunctionError: 'Unhandled' })
    expect(JSON.parse(text)).toMatchObject({ errorType: 'Runtime.StreamError' })
    expect(pod.executed).toBe(1)
  })

  test('one above 6 MB is a failure of the function, which is told that nobody reads on', async () => {
    const pod = await start('event', (_request, response) => {
      const more = () => response.write(Buffer.alloc(1024 * 1024)) && void setImmediate(more)
      begin(response).on('drain', more)
      more()
    })
    const { text = '', ...answer } = await invoke()
    expect(answer).toEqual({ ...fine, FunctionError: 'Unhandled' })
    expect(JSON.parse(text)).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' })
    expect(pod.aborted).toBe(1)
  })

  test('that has signature http, it comes as it comes, whatever its size', async () => {
    await start('http', (_request, response) => void response.end(Buffer.alloc(7 * 1024 * 1024)))
    expect((await invoke()).text).toHaveLength(7 * 1024 * 1024)
  })
})

test.each([400, 415])('what is no CloudEvent (%i) is refused in the words of the runtime', async (status) => {
  const errorMessage = 'Not a CloudEvent: specversion must be "1.0", got nothing'
  await start('cloudevent', (_request, response) => {
    const error = JSON.stringify({ errorType: 'InvalidCloudEvent', errorMessage, trace: [] })
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': error.length }).end(error)
  })
  await expect(invoke()).rejects.toMatchObject({ name: 'InvalidRequestContentException', message: errorMessage })
})

test('an action that is not there is told so: its function is not missing', async () => {
  await start('event', (_request, response) => void response.end())
  const told = { name: 'UnknownOperationException', message: expect.stringContaining('Invoke') }
  await expect(client.send(new GetFunctionCommand({ FunctionName: 'hello' }))).rejects.toMatchObject(told)
  await expect(client.send(new ListFunctionsCommand({}))).rejects.toMatchObject(told)
})
