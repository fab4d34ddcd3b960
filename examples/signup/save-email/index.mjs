/**
 * POST /signup {email, name} → 202 {signupId}: keeps the address and says so in the topic `signups`. The same address again gets the same
 * id and says it again, so that a caller whose answer was lost may simply repeat the request.
 */
import { createHash } from 'node:crypto'
import { openAddresses, saveAddress } from './addresses.mjs'

const addresses = openAddresses()

export async function handler(request, response) {
  const { email, name, mistake } = parse(await text(request))
  if (mistake !== undefined) return answer(response, 400, { error: mistake })
  const signupId = createHash('sha256').update(email).digest('hex').slice(0, 16)
  saveAddress(addresses, { signupId, email, name })
  await publish({ signupId, email, name })
  answer(response, 202, { signupId })
}

/** A CloudEvent in binary mode: its attributes are headers, its data is the body. */
async function publish(signup) {
  const result = await fetch(`${process.env.DORMOUSE_URL}/topics/signups?key=${signup.signupId}`, {
    method: 'POST',
    headers: {
      'ce-specversion': '1.0',
      'ce-type': 'email-saved',
      'ce-source': '/signup/save-email',
      'ce-id': signup.signupId,
      'content-type': 'application/json',
    },
    body: JSON.stringify(signup),
  })
  // The address is kept, but nobody knows: the caller must try again.
  if (result.status !== 200) throw new Error(`signups did not take the event: ${result.status} ${await result.text()}`)
}

export function parse(body) {
  let signup
  try {
    signup = JSON.parse(body)
  } catch {
    return { mistake: 'expected JSON with email and name' }
  }
  const email = typeof signup?.email === 'string' ? signup.email.trim().toLowerCase() : ''
  const name = typeof signup?.name === 'string' ? signup.name.trim() : ''
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email))
    return { mistake: 'email: expected an address such as ada@example.com' }
  if (name === '') return { mistake: 'name: expected a name' }
  return { email, name }
}

async function text(request) {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return body
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
