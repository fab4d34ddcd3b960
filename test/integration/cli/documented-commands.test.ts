import { describe, expect, test } from '@jest/globals'
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { createProgram } from '../../../cli/program.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PAGES = ['README.md', 'docs/*.md', 'docs/runbooks/*.md', 'examples/*/README.md', 'charts/dormouse/README.md']
const TEXTS = globSync(PAGES, { cwd: ROOT }).map((page) => [page, readFileSync(`${ROOT}${page}`, 'utf8')] as const)

/** Lines of shell blocks and whatever stands in backticks, without comments and what is piped on. */
function commandsOf(program: RegExp): (readonly [page: string, command: string])[] {
  return TEXTS.flatMap(([page, text]) => {
    const blocks = [...text.matchAll(/^ *```sh\n([^]*?)^ *```/gm)].flatMap(([, block = '']) => block.split('\n'))
    const spans = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)
    return [...blocks, ...spans].flatMap((line) => {
      const [, rest] = program.exec(line.trim()) ?? []
      return rest === undefined ? [] : [[page, (rest.split(/ #| \| | &$/)[0] ?? '').trim()] as const]
    })
  })
}

const context = { stdout: { write: () => undefined }, stderr: { write: () => undefined } }
const program = createProgram(context as unknown as Parameters<typeof createProgram>[0])

/** The command that the words begin with, and the words after it. */
function resolve(words: readonly string[], command: Command = program): { command: Command; rest: readonly string[] } {
  const [first = '', ...rest] = words
  // `dlq list|show` names several.
  const next = command.commands.find((child) => first.split('|').includes(child.name()))
  return next === undefined ? { command, rest: words } : resolve(rest, next)
}

describe('commands in the documentation', () => {
  const found = commandsOf(/^(?:npm run -s dormouse --|dormouse) ((?!help )[a-z].*)$/)

  test('are found', () => expect(found.length).toBeGreaterThan(40))

  test.each(found)('%s: dormouse %s exists, with these options', (_, text) => {
    const { command, rest } = resolve(text.split(/\s+/))
    expect(command.name()).not.toBe('dormouse')
    expect(command.commands.length === 0 || rest.length === 0).toBe(true)
    const options = rest.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0])
    const known = command.options.flatMap(({ short, long }) => [short, long])
    expect(options.filter((option) => !known.includes(option))).toEqual([])
  })

  const releases = commandsOf(/^helm ((?:install|upgrade|rollback|uninstall|get|test|history) .*\bdormouse\b.*)$/)
  test.each(releases)('%s: helm %s says in which namespace', (_, text) => expect(text).toMatch(/ (?:-n|--namespace) /))
})

/** Those that do something, with the words that lead to them. */
function leavesOf(command: Command, path: string): [path: string, command: Command][] {
  if (command.commands.length === 0) return [[path, command]]
  return command.commands.flatMap((child) => leavesOf(child, `${path} ${child.name()}`))
}

describe('help', () => {
  const leaves = leavesOf(program, 'dormouse').filter(([path]) => path !== 'dormouse version')

  test.each(leaves)('of %s has an example of it', (path, command) => {
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
    expect(help.split('Examples:')[1]).toContain(path)
  })
})
