/** A pod whose parent handed it a secret takes specialize requests that name it, and signed ones; no others. */
import { afterEach, expect, test } from '@jest/globals'
import { endRuntimes, exchange, RuntimeProcess, type Answer } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const SECRET = 'a-secret-of-a-parent-and-its-child-0123456'
const FILES = { 'index.js': 'exports.handler = async () => process.env' }

function specialize(runtime: RuntimeProcess, headers: Record<string, string>): Promise<Answer> {
  const body = JSON.stringify(runtime.body({ files: FILES }))
  return exchange(runtime.controlPort, { method: 'POST', path: '/specialize', headers, body })
}

test('who names the secret specializes the pod without a signature', async () => {
  const runtime = await RuntimeProcess.start({ secret: SECRET })
  expect(await specialize(runtime, { 'dormouse-secret': SECRET })).toMatchObject({ status: 200 })
  const { text } = await runtime.invoke({})
  expect(text).not.toContain(SECRET)
  expect(text).not.toContain('SECRET_FD')
})

test('the pod is the lock for it too', async () => {
  const runtime = await RuntimeProcess.start({ secret: SECRET })
  expect((await specialize(runtime, { 'dormouse-secret': SECRET })).status).toBe(200)
  expect((await specialize(runtime, { 'dormouse-secret': SECRET })).status).toBe(409)
})

test.each([
  ['none', {}],
  ['one as long', { 'dormouse-secret': 'b'.repeat(SECRET.length) }],
  ['a longer one', { 'dormouse-secret': `${SECRET}0` }],
  ['nothing', { 'dormouse-secret': '' }],
])('another secret is refused: %s', async (_what, headers) => {
  const runtime = await RuntimeProcess.start({ secret: SECRET })
  const answer = await specialize(runtime, headers)
  expect(answer).toMatchObject({ status: 403 })
  expect(answer.text).toContain('wrong-signature')
})

test('a signature is as good where there is a secret', async () => {
  const runtime = await RuntimeProcess.start({ secret: SECRET })
  expect((await runtime.specialize({ files: FILES })).status).toBe(200)
})

test('a secret proves nothing to a pod that was given none', async () => {
  const runtime = await RuntimeProcess.start()
  expect((await specialize(runtime, { 'dormouse-secret': SECRET })).status).toBe(403)
})

test('a secret that is none ends the process with a reason', async () => {
  await expect(RuntimeProcess.start({ secret: 'short' })).rejects.toThrow(/expected a secret of 32 characters or more/)
})
