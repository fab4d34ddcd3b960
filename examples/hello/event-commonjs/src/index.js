/** A Lambda handler in CommonJS with a callback, made of several files. */
const { greet } = require('./lib/greet')

exports.handler = (event, context, callback) => {
  const { name, language } = { ...event, ...event.queryStringParameters }
  try {
    callback(null, { statusCode: 200, headers: { 'x-function': context.functionName }, body: greet(name, language) })
  } catch (error) {
    callback(error)
  }
}
