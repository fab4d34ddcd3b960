/** Commands of runbooks are typed at night: those of ours must exist, with the options they are shown with. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import type { Command } from 'commander'
import type { CliContext } from '../../../../cli/context.ts'
import { createProgram } from '../../../../cli/program.ts'

const FOLDER = new URL('../../../../docs/runbooks/', import.meta.url)
const pages = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), 'utf8') }))
/** `dormouse …` at the beginning of a line or of a code span, up to a comment. */
const shown = pages.flatMap(({ name, text }) =>
  [...text.matchAll(/(?:^|`)(dormouse [a-z][^`#\n]*)/gm)].map(([, line = '']) => ({ name, line: line.trim() })),
)

function mistakeIn(line: string, program: Command): string | undefined {
  const words = line.split(/\s+/).slice(1)
  let command = program
  while (words[0] !== undefined && !words[0].startsWith('-')) {
    const next = command.commands.find((each) => each.name() === words[0])
    if (next === undefined) break
    command = next
    words.shift()
  }
  if (command === program || command.commands.length > 0) return `there is no command ${words[0]}`
  const known = command.options.flatMap(({ short, long }) => [short, long])
  return words.filter((word) => word.startsWith('-') && !known.includes(word)).map((word) => `no option ${word}`)[0]
}

const program = createProgram({ stdout: { write: () => true }, stderr: { write: () => true } } as unknown as CliContext)

test('every command of ours in a runbook exists, with its options', () => {
  const mistakes = shown.map(({ name, line }) => ({ name, line, mistake: mistakeIn(line, program) }))
  expect(mistakes.filter(({ mistake }) => mistake !== undefined)).toEqual([])
  expect(shown.length).toBeGreaterThan(10)
})

test('mistakes are found', () => {
  expect(mistakeIn('dormouse trigger undescribe x', program)).toBe('there is no command undescribe')
  expect(mistakeIn('dormouse dlq list --triger x', program)).toBe('no option --triger')
})

/** Without more words kubectl shows one pod of a Deployment, and of pods by label ten lines, however far back it is to look. */
test('every look into logs by kubectl sees all pods, and as many lines as it says', () => {
  const looks = pages.flatMap(({ name, text }) =>
    [...text.matchAll(/kubectl [^\n]*\blogs [^\n]*/g)].map(([line]) => ({ name, line })),
  )
  expect(looks.length).toBeGreaterThan(5)
  expect(looks.filter(({ line }) => /logs deploy\//.test(line) || (/ -l /.test(line) && !/--tail/.test(line)))).toEqual(
    [],
  )
})
