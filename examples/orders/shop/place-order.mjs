/** POST /orders {customer, amount, currency} → 202 {orderId}: the order exists as soon as the log has it, whoever else is asleep. */
import { randomUUID } from 'node:crypto'
import { append } from './events.mjs'

export async function handler(request, response) {
  const order = parse(await text(request))
  const mistake = mistakeIn(order)
  if (mistake !== undefined) return answer(response, 400, { error: mistake })
  const orderId = order.orderId ?? randomUUID()
  const { customer, amount, currency } = order
  await append({ type: 'order-placed', orderId, customer, amount, currency, at: new Date().toISOString() })
  answer(response, 202, { orderId })
}

export function mistakeIn(order) {
  if (order === undefined) return 'expected an order as JSON'
  if (typeof order.customer !== 'string' || order.customer === '') return 'customer: expected a name'
  if (typeof order.amount !== 'number' || !(order.amount > 0)) return 'amount: expected a number above 0'
  if (typeof order.currency !== 'string' || order.currency === '') return 'currency: expected a currency such as EUR'
  return undefined
}

function parse(body) {
  try {
    const value = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

async function text(request) {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return body
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
