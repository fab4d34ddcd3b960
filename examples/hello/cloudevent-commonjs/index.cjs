/** Takes one CloudEvent and returns nothing: the answer is 204. */
let total = 0

exports.handler = (event) => {
  if (typeof event.data?.amount !== 'number')
    throw new TypeError(`data.amount must be a number, got ${event.data?.amount}`)
  total += event.data.amount
  console.log('%s: %d, %d in total', event.id, event.data.amount, total)
}
