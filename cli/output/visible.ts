/** Text of others on a terminal: a function's error, a header, an annotation must not move its cursor or change its title. Pure. */
import { unicodeEscape } from '../../lib/unicode-escape.ts'

/** All but tabs and ends of lines. */
const CONTROL = /\r(?!\n)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

/** Control characters are shown as they are escaped in JSON. */
export function visible(text: string): string {
  return text.replace(CONTROL, unicodeEscape)
}
