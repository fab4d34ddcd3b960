/**
 * Sends the welcome to an address that was saved. Asks `render-html` for the text with a plain call, as it needs the answer; tells
 * the topic `mails` what was sent with an event, as it does not care who listens. Throwing means: try again later.
 */
import { findMail, keepMail, openOutbox } from './outbox.mjs'

const outbox = openOutbox()

export async function handler({ id, data }) {
  // Deliveries are at least once, mails are not: the id of the sign-up is what tells a repeat from a new one.
  if (findMail(outbox, id) === undefined) keepMail(outbox, { id, recipient: data.email, html: await render(data.name) })
  await tell({ type: 'email-sent', signupId: id, to: data.email })
}

async function render(name) {
  const { html } = await post('/fn/default/render-html', { name })
  return html
}

/** Said again when it is not certain that it was heard: who listens knows it by its id. */
function tell(event) {
  return post(`/topics/mails?key=${encodeURIComponent(event.signupId)}`, event)
}

async function post(path, body) {
  const answer = await fetch(process.env.DORMOUSE_URL + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}
