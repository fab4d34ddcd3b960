/** Lines of functions → lines for a terminal: whose it is, its level when that matters, its text. */
import type { LogLine } from '../../local/logs/log-line.ts'
import type { Color, Paint } from '../output/color.ts'

/** `ISO time TAB request id TAB LEVEL TAB message`, see docs/runtime-contract.md. */
const USER_LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z\t[^\t]*\t([A-Z]+)\t(.*)$/s
const PLATFORM_LINE = /^(START|END|REPORT|INIT_START) RequestId: /
const NAME_COLORS: readonly Color[] = ['cyan', 'magenta', 'blue', 'green', 'yellow']

export interface LogPrinterOptions {
  paint: Paint
  /** Also START, END and REPORT lines, and what pods say before they have a function. */
  verbose: boolean
  write: (text: string) => void
}

export function createFunctionLogPrinter({ paint, verbose, write }: LogPrinterOptions): (line: LogLine) => void {
  const colors = new Map<string, Color>()
  return ({ source, text }) => {
    if (!verbose && (source.startsWith('runtime:') || PLATFORM_LINE.test(text))) return
    const name = shortName(source)
    const color = colors.get(name) ?? NAME_COLORS[colors.size % NAME_COLORS.length] ?? 'cyan'
    colors.set(name, color)
    write(`${paint(color, `${name} |`)} ${readable(text, paint)}\n`)
  }
}

/** The namespace is shown where it is not the default one. */
function shortName(source: string): string {
  return source.startsWith('default/') ? source.slice('default/'.length) : source
}

function readable(text: string, paint: Paint): string {
  const [, level, message] = USER_LINE.exec(text) ?? []
  if (level === undefined || message === undefined) return text
  if (level === 'INFO') return message
  return `${paint(level === 'ERROR' || level === 'FATAL' ? 'red' : 'yellow', level)} ${message}`
}
