/**
 * Confirms an order by mail. The mail server here is one that only takes the third attempt, as real ones on bad days: the platform tries
 * again with back-off. Answers that are lost lead to a second delivery of the same id, which must not be a second mail.
 */
import { noteMail, openStore } from './store.mjs'

const database = openStore()
const NEEDED_ATTEMPTS = 3

export async function handler(request, response) {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  const { orderId, customer } = JSON.parse(body)
  if (Number(request.headers['dormouse-attempt']) < NEEDED_ATTEMPTS) {
    return response.writeHead(503).end('421 the mail server is busy, try again later')
  }
  if (noteMail(database, request.headers['dormouse-delivery-id'], orderId)) {
    console.log(`mail to ${customer}: we have your order ${orderId}`)
  }
  response.writeHead(204).end()
}
