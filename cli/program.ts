/** The `dormouse` command: which subcommands there are. Each is one file in commands/; nothing is loaded before it is needed. */
import { Command } from 'commander'
import { addApplyCommand } from './commands/apply.ts'
import { addDeleteCommand } from './commands/delete.ts'
import { addDescribeCommand } from './commands/describe.ts'
import { addDevCommand } from './commands/dev.ts'
import { addDlqCommand } from './commands/dlq.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addEventsCommand } from './commands/events.ts'
import { addGetCommand } from './commands/get.ts'
import { addInstallCommand } from './commands/install.ts'
import { addInvocationCommand } from './commands/invocation.ts'
import { addInvokeCommand } from './commands/invoke.ts'
import { addLogsCommand } from './commands/logs.ts'
import { addPublishCommand } from './commands/publish.ts'
import { addRenderCommand } from './commands/render.ts'
import { addStatusCommand } from './commands/status.ts'
import { addTriggerCommand } from './commands/trigger.ts'
import { addVersionCommand } from './commands/version.ts'
import { examples } from './command-options.ts'
import type { CliContext } from './context.ts'
import { EXIT_CODE_TABLE } from './exit-codes.ts'
import { VERSION } from './version.ts'

export function createProgram(context: CliContext): Command {
  const program = new Command('dormouse')
    .description('Functions that sleep until an event wakes them.')
    .version(VERSION)
    .option('--debug', 'print stack traces of errors')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
    .showHelpAfterError('(see --help for what is possible)')
    .addHelpText('after', `${firstSteps}\n${exitCodes()}`)
  addDevCommand(program, context)
  addApplyCommand(program, context)
  addGetCommand(program, context)
  addDescribeCommand(program, context)
  addDeleteCommand(program, context)
  addInvokeCommand(program, context)
  addLogsCommand(program, context)
  addPublishCommand(program, context)
  addEventsCommand(program, context)
  addInvocationCommand(program, context)
  addTriggerCommand(program, context)
  addDlqCommand(program, context)
  addInstallCommand(program, context)
  addStatusCommand(program, context)
  addDoctorCommand(program, context)
  addRenderCommand(program, context)
  addVersionCommand(program, context)
  return program
}

const firstSteps = examples([
  ['dormouse dev examples/hello --watch', 'run everything in a folder, again on every save'],
  ['dormouse install', 'or: bring it into the cluster of your kubeconfig; then the same commands speak to that'],
  ['dormouse get fn', 'what is there, in another terminal'],
  [`dormouse invoke hello --data '{"name":"Ada"}'`, 'call a function'],
])

function exitCodes(): string {
  return `Exit codes:\n${EXIT_CODE_TABLE.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`).join('\n')}`
}
