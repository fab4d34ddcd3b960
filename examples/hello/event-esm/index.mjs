/** A Lambda handler as an ES module. Behind an http Trigger the event is API Gateway's format 2.0. */
let invocations = 0

export const handler = async (event, context) => {
  const name = event.queryStringParameters?.name ?? event.name ?? 'world'
  invocations += 1
  console.log('greeting %s', name)
  return {
    message: `Hello, ${name}!`,
    function: context.functionName,
    requestId: context.awsRequestId,
    invocations,
    remainingMs: context.getRemainingTimeInMillis(),
  }
}
