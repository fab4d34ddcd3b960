/** Lines of functions → lines for a terminal: whose it is, its level when that matters, its text. */
import type { LogLine } from '../../local/logs/log-line.ts'
import type { Color, Paint } from '../output/color.ts'
import { linesOf } from '../output/log-text.ts'

/** `ISO time TAB request id TAB LEVEL TAB message`, see docs/runtime-contract.md. */
const USER_LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z\t[^\t]*\t([A-Z]+)\t(.*)$/s
const PLATFORM_LINE = /^(START|END|REPORT|INIT_START) RequestId: /
const NAME_COLORS: readonly Color[] = ['cyan', 'magenta', 'blue', 'green', 'yellow']

export interface LogPrinterOptions {
  paint: Paint
  /** Also START, END and REPORT lines, and what pods say before they have a function. */
  verbose: boolean
  write: (text: string) => void
  /** Whoever reads what is written does not keep up: lines are left out, and counted. */
  isBehind: () => boolean
}

export function createFunctionLogPrinter(options: LogPrinterOptions): (line: LogLine) => void {
  const { paint, verbose, write, isBehind } = options
  const colors = new Map<string, Color>()
  let leftOut = 0
  return ({ source, text }) => {
    if (!verbose && (source.startsWith('runtime:') || PLATFORM_LINE.test(text))) return
    if (isBehind()) return void leftOut++
    if (leftOut > 0)
      write(`${paint('yellow', `… ${leftOut} lines are not here: they came faster than they were read`)}\n`)
    leftOut = 0
    const name = shortName(source)
    const color = colors.get(name) ?? NAME_COLORS[colors.size % NAME_COLORS.length] ?? 'cyan'
    colors.set(name, color)
    const whose = paint(color, `${name} |`)
    write(linesOf(readable(text, paint)).reduce((all, line) => `${all}${whose} ${line}\n`, ''))
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
