/** Answers piece by piece: plain text, or server-sent events for those who accept them. */
import { setTimeout as sleep } from 'node:timers/promises'

const TICKS = 5
const PAUSE_MS = 200

export const handler = async (req, res) => {
  const wantsEvents = req.headers.accept?.includes('text/event-stream') ?? false
  const gone = new AbortController()
  res.on('close', () => gone.abort())
  res.writeHead(200, {
    'content-type': wantsEvents ? 'text/event-stream' : 'text/plain; charset=utf-8',
    'cache-control': 'no-cache',
  })
  for (let tick = 1; tick <= TICKS && !gone.signal.aborted; tick++) {
    res.write(wantsEvents ? `id: ${tick}\nevent: tick\ndata: ${JSON.stringify({ tick })}\n\n` : `tick ${tick}\n`)
    await sleep(PAUSE_MS, undefined, { signal: gone.signal }).catch(() => undefined)
  }
  res.end()
}
