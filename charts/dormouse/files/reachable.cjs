// Argument: {"ready": URLs that must answer 200, "unknown": base URLs that must answer 404 as problem+json}. Tries each for a minute.
const { ready, unknown } = JSON.parse(process.argv.at(-1))
const LONGEST_MS = 60_000

async function until(url, problemOf) {
  const startedMs = Date.now()
  for (;;) {
    const problem = await fetch(url, { signal: AbortSignal.timeout(5_000) })
      .then(problemOf)
      .catch((error) => error.cause?.message ?? error.message)
    if (problem === undefined) return console.log(`ok      ${url}`)
    if (Date.now() - startedMs > LONGEST_MS) {
      console.log(`not ok  ${url}: ${problem}`)
      process.exitCode = 1
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

async function isReady(response) {
  const text = (await response.text()).trim()
  if (response.status !== 200) return `expected 200, got ${response.status} ${text}`
}

async function knowsNothing(response) {
  const type = response.headers.get('content-type') ?? 'no type'
  const text = await response.text()
  if (response.status !== 404 || !type.startsWith('application/problem+json')) {
    return `expected 404 as application/problem+json, got ${response.status} as ${type}: ${text.slice(0, 200)}`
  }
}

const undeclared = (base) => `${base}/dormouse-helm-test/${Date.now().toString(36)}`
Promise.all([
  ...ready.map((url) => until(url, isReady)),
  ...unknown.map((base) => until(undeclared(base), knowsNothing)),
]).then(() => console.log(process.exitCode ? 'failed' : 'passed'))
