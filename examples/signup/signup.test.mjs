/** The three functions without any platform: what they ask of it is answered here. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { handler as renderHtml } from './render-html/index.mjs'

let platform
let asked
let failing
let saveEmail
let sendEmail
let front

before(async () => {
  process.env.DATA_DIR = mkdtempSync(join(tmpdir(), 'signup-'))
  platform = await listening(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push({ path: request.url, type: request.headers['ce-type'], body: JSON.parse(body) })
    if (request.url === failing) return response.writeHead(503).end('not now')
    const isRender = request.url === '/fn/default/render-html'
    response.end(JSON.stringify(isRender ? await renderHtml(JSON.parse(body)) : { offset: asked.length }))
  })
  process.env.DORMOUSE_URL = `http://127.0.0.1:${platform.address().port}`
  // Only now: they read their environment when they load.
  const { handler } = await import('./save-email/index.mjs')
  ;({ handler: sendEmail } = await import('./send-email/index.mjs'))
  front = await listening((request, response) => handler(request, response).catch(() => response.writeHead(500).end()))
  saveEmail = (body) => fetch(`http://127.0.0.1:${front.address().port}/signup`, { method: 'POST', body })
})

after(() => {
  platform.close()
  front.close()
  rmSync(process.env.DATA_DIR, { recursive: true, force: true })
})

beforeEach(() => {
  asked = []
  failing = undefined
})

async function listening(handler) {
  const server = createServer(handler)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const ADA = { email: 'ada@example.com', name: 'Ada' }
const event = (id, data = ADA) => ({ id, type: 'email-saved', data })
const paths = () => asked.map(({ path }) => path)

test('an address is saved and told of, once per request', async () => {
  const answer = await saveEmail(JSON.stringify({ email: ' Ada@Example.com ', name: 'Ada' }))
  assert.equal(answer.status, 202)
  const { signupId } = await answer.json()
  assert.deepEqual(asked, [
    { path: `/topics/signups?key=${signupId}`, type: 'email-saved', body: { signupId, ...ADA } },
  ])
})

test('the same address again has the same id', async () => {
  const first = await (await saveEmail(JSON.stringify(ADA))).json()
  const second = await (await saveEmail(JSON.stringify(ADA))).json()
  assert.deepEqual(first, second)
})

test('who cannot be told of is not answered with success', async () => {
  const { signupId } = await (await saveEmail(JSON.stringify(ADA))).json()
  failing = `/topics/signups?key=${signupId}`
  assert.equal((await saveEmail(JSON.stringify(ADA))).status, 500)
})

for (const body of ['no json', '{}', 'null', '{"email":"ada","name":"Ada"}', '{"email":"ada@example.com"}']) {
  test(`${body} is refused with a sentence, and nobody is told`, async () => {
    const answer = await saveEmail(body)
    assert.equal(answer.status, 400)
    assert.match((await answer.json()).error, /expected/)
    assert.deepEqual(asked, [])
  })
}

test('an address that was saved gets one mail, however often the event comes', async () => {
  await sendEmail(event('one'))
  await sendEmail(event('one'))
  assert.deepEqual(paths(), ['/fn/default/render-html', '/topics/mails?key=one', '/topics/mails?key=one'])
})

test('a mail that could not be written is written on the next attempt', async () => {
  failing = '/fn/default/render-html'
  await assert.rejects(sendEmail(event('two')), /render-html answered 503: not now/)
  failing = undefined
  await sendEmail(event('two'))
  assert.deepEqual(paths(), ['/fn/default/render-html', '/fn/default/render-html', '/topics/mails?key=two'])
})

test('a mail that nobody was told of is told of on the next attempt, and not sent again', async () => {
  failing = '/topics/mails?key=three'
  await assert.rejects(sendEmail(event('three')))
  failing = undefined
  await sendEmail(event('three'))
  assert.equal(paths().filter((path) => path.startsWith('/fn/')).length, 1)
})

test('names are written as text, never as markup', async () => {
  const { html } = await renderHtml({ name: '<script>"x" & \'y\'</script>' })
  assert.match(html, /&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;\/script&gt;/)
  await assert.rejects(renderHtml({}), /expected a name, got undefined/)
})
