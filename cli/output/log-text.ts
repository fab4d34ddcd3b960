/** What functions write, for people. Pure. */
import type { OutputStream } from '../context.ts'

/** A record is one line, the ends of lines within it are carriage returns (docs/runtime-contract.md): a terminal would write each over the one before. */
export function linesOf(text: string): string[] {
  return (text.endsWith('\r') ? text.slice(0, -1) : text).split('\r')
}

/** Whole lines as `stream` takes them: on a terminal a record has several, for programs it comes as it was. */
export function logText({ isTTY }: Pick<OutputStream, 'isTTY'>, lines: string): string {
  return isTTY === true ? lines.replace(/\r\n?/g, '\n') : lines
}
