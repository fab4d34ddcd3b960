import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { VERSION } from '../version.ts'

export function addVersionCommand(program: Command, context: CliContext): void {
  program
    .command('version')
    .description('print the version')
    .action(() => void context.stdout.write(`dormouse ${VERSION} (node ${process.version})\n`))
}
