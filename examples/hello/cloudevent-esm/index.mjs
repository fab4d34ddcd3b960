/** Takes one CloudEvent; what it returns is the answer. */
export const handler = async (event) => {
  console.log('%s from %s', event.type, event.source)
  return { received: event.id, type: event.type, data: event.data }
}
