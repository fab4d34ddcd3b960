/** Says what a command waits for, on stderr: one line that rewrites itself on a terminal, a plain line per change elsewhere. */
import type { OutputStream } from '../context.ts'

export interface Progress {
  show(text: string): void
  /** Removes the line on a terminal. */
  clear(): void
}

const CLEAR_LINE = '\r\u001b[2K'
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FRAME_MS = 100

export function createProgress(stream: OutputStream): Progress {
  return stream.isTTY === true ? terminalProgress(stream) : plainProgress(stream)
}

function terminalProgress(stream: OutputStream): Progress {
  let text = ''
  let frame = 0
  let timer: NodeJS.Timeout | undefined
  const draw = () => {
    frame = (frame + 1) % FRAMES.length
    stream.write(`${CLEAR_LINE}${FRAMES[frame] ?? ''} ${text.slice(0, (stream.columns ?? 80) - 3)}`)
  }
  return {
    show(next) {
      text = next
      timer ??= setInterval(draw, FRAME_MS).unref()
      draw()
    },
    clear() {
      if (timer === undefined) return
      clearInterval(timer)
      timer = undefined
      stream.write(CLEAR_LINE)
    },
  }
}

function plainProgress(stream: OutputStream): Progress {
  let last = ''
  return {
    show(text) {
      if (text !== last) stream.write(`${text}\n`)
      last = text
    },
    clear: () => undefined,
  }
}
