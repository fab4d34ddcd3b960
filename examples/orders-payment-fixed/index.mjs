/** Takes the money. This revision knows pounds as well. */
const RATES = { EUR: 1, USD: 0.92, GBP: 1.17 }

export async function handler({ orderId, amount, currency }) {
  const rate = RATES[currency]
  if (rate === undefined) throw new TypeError(`unknown currency ${currency} of order ${orderId}`)
  await append({ type: 'order-paid', orderId, euros: Math.round(amount * rate * 100) / 100 })
}

async function append(event) {
  const url = `${process.env.DORMOUSE_URL}/topics/orders?key=${encodeURIComponent(event.orderId)}`
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(event) })
  if (answer.status !== 200) throw new Error(`the log did not take ${event.type}: ${answer.status}`)
}
