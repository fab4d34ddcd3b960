/** The body of an answer, line by line as it comes. Ends quietly when `signal` aborts or the server goes away. */
export async function* readLines(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  if (response.body === null) return
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (error) {
    if (!signal.aborted && !isCut(error)) throw error
  }
}

/** The connection ended mid-stream: the instance stopped. */
function isCut(error: unknown): boolean {
  return error instanceof TypeError && /terminated|socket|network/i.test(error.message)
}
