/** `awslambda.InvokeStore`, by which the AWS SDK and Powertools know what belongs to which invocation. */
import { afterEach, expect, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const traced = { headers: { traceparent: TRACEPARENT } }

test('keeps apart what invocations that run at once store, and knows the request and the trace of each', async () => {
  const code = `
    const store = awslambda.InvokeStore
    exports.handler = async ({ ms }) => {
      store.set('ms', ms)
      await new Promise((resolve) => setTimeout(resolve, ms))
      return [store.get('ms'), store.getRequestId(), store.getXRayTraceId(), store.getTraceparent(), process.env.AWS_LAMBDA_MAX_CONCURRENCY]
    }`
  const runtime = await RuntimeProcess.with({ files: { 'index.js': code }, concurrency: 2 })
  const calls = [100, 20].map((ms) => runtime.invoke({ ms }, { requestId: `r-${ms}`, ...traced }))
  const trace = 'Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1'
  const [first, second] = await Promise.all(calls)
  expect(JSON.parse(first!.text)).toEqual([100, 'r-100', trace, TRACEPARENT, '2'])
  expect(JSON.parse(second!.text)).toEqual([20, 'r-20', trace, TRACEPARENT, '2'])
})

test('has its keys and errors as @aws/lambda-invoke-store has them', async () => {
  const code = `
    const store = awslambda.InvokeStore
    const told = (f) => { try { return f() } catch (error) { return error.message } }
    const before = [store.hasContext(), store.getRequestId(), store.get('a') ?? null, told(() => store.set('a', 1))]
    exports.handler = async () => {
      const id = Symbol.for('_AWS_LAMBDA_REQUEST_ID')
      return [
        ...before,
        store.hasContext(), store.get(id), store.isProtectedKey(id), store.isProtectedKey('a'), told(() => store.set(id, 'x')),
        store.getTenantId() ?? null, store.getXRayTraceId() ?? null,
        store.run({ [id]: 'own' }, () => [store.getRequestId(), Object.keys(store.getContext())]), store.getRequestId(),
        process.env.AWS_LAMBDA_MAX_CONCURRENCY ?? null,
      ]
    }`
  const runtime = await RuntimeProcess.with({ files: { 'index.js': code } })
  expect(JSON.parse((await runtime.invoke({})).text)).toEqual([
    ...[false, '-', null, 'No context available'],
    ...[true, 'req-1', true, false, 'Cannot modify protected Lambda context field: Symbol(_AWS_LAMBDA_REQUEST_ID)'],
    ...[null, null],
    ...[['own', []], 'req-1'],
    null,
  ])
})

test('is there for http functions, too', async () => {
  const code = `exports.handler = (req, res) => {
    awslambda.InvokeStore.set('a', 1)
    req.resume().on('end', () => res.end(awslambda.InvokeStore.getRequestId() + awslambda.InvokeStore.get('a')))
  }`
  const runtime = await RuntimeProcess.with({ files: { 'index.js': code }, signature: 'http', concurrency: 5 })
  expect((await runtime.call({ body: 'x', requestId: 'r-' })).text).toBe('r-1')
})
