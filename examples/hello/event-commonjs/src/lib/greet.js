const greetings = require('./greetings.json')

exports.greet = (name = 'world', language = 'en') => {
  const greeting = greetings[language]
  if (greeting === undefined)
    throw new RangeError(`no greeting in "${language}": expected one of ${Object.keys(greetings)}`)
  return `${greeting}, ${name}!\n`
}
