import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { startExample, valueOf, type ExampleBed } from './example-bed.ts'

let bed: ExampleBed
beforeAll(async () => {
  bed = await startExample('examples/signup')
}, 60_000)
afterAll(() => bed.stop())

const signUp = (body: object) =>
  fetch(`${bed.platform.publicUrl}/signup`, { method: 'POST', body: JSON.stringify(body) })
const idOf = async (answer: Response) => ((await answer.json()) as { signupId: string }).signupId
const mails = async () => (await bed.records('mails')).map(valueOf)

test('who signs up gets an answer at once and a mail soon, through two topics and a call', async () => {
  const answer = await signUp({ email: 'ada@example.com', name: 'Ada <3' })
  expect(answer.status).toBe(202)
  const signupId = await idOf(answer)
  const sent = await eventually('the mail', async () => (await mails()).find((mail) => mail['signupId'] === signupId))
  expect(sent).toEqual({ type: 'email-sent', signupId, to: 'ada@example.com' })
})

test('the same address again is the same sign-up', async () => {
  const person = { email: 'bob@example.com', name: 'Bob' }
  const [first, second] = [await idOf(await signUp(person)), await idOf(await signUp(person))]
  expect(second).toBe(first)
})

test('a bad address is refused and nobody is told', async () => {
  const before = (await bed.records('signups')).length
  expect((await signUp({ email: 'nobody', name: 'No' })).status).toBe(400)
  expect(await bed.records('signups')).toHaveLength(before)
})

test('while mails cannot be written they wait, and all go out once they can', async () => {
  const { client } = bed.platform
  const people = ['c', 'd', 'e'].map((name) => ({ email: `${name}@example.com`, name }))
  await client.delete({ plural: 'functions', name: 'render-html' })
  const ids = await Promise.all(people.map(async (person) => idOf(await signUp(person))))
  await eventually('failed attempts', async () => {
    const { failed, rejected } = await bed.trigger('send-email')
    return Object.keys(failed).length + Object.keys(rejected).length > 0
  })
  await bed.apply('examples/signup')
  const wanted = new Set(ids)
  await eventually(
    'all mails',
    async () => {
      const sent = new Set((await mails()).map(({ signupId }) => signupId as string))
      return [...wanted].every((id) => sent.has(id))
    },
    { withinMs: 30_000, everyMs: 50 },
  )
}, 60_000)
