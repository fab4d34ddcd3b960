/** Colours where a human looks on. */
import { styleText } from 'node:util'
import type { OutputStream } from '../context.ts'

export type Color = 'green' | 'red' | 'yellow' | 'cyan' | 'magenta' | 'blue' | 'dim' | 'bold'
export type Paint = (color: Color, text: string) => string

/** Plain text on anything but a terminal, and where NO_COLOR is set (https://no-color.org). */
export function painter(stream: OutputStream, environment: Readonly<Record<string, string | undefined>>): Paint {
  const plain = stream.isTTY !== true || (environment['NO_COLOR'] ?? '') !== ''
  return plain ? (_color, text) => text : (color, text) => styleText(color, text, { validateStream: false })
}
