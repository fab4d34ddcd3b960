import type { Command } from 'commander'
import { collect, examples, parseKafka, parseSeconds } from '../command-options.ts'
import type { CliContext } from '../context.ts'
import type { InstallOptions } from '../install/run-install.ts'

interface Options {
  chart?: string
  release: string
  namespace: string
  context?: string
  kubeconfig?: string
  values?: string[]
  set?: string[]
  kafka?: string[]
  timeout: number
  dryRun?: boolean
}

export function addInstallCommand(program: Command, context: CliContext): void {
  program
    .command('install')
    .description(
      'install Dormouse in a cluster, or upgrade it: applies the CRDs, then runs helm with the chart beside this command',
    )
    .option('-n, --namespace <name>', 'namespace to install in', 'dormouse-system')
    .option('--release <name>', "helm's name for the installation", 'dormouse')
    .option('-f, --values <file>', 'values for the chart; repeatable', collect)
    .option('--set <key=value>', 'one value for the chart; repeatable', collect)
    .option('--kafka <brokers>', 'the Kafka that events are kept on, host:port[,host:port…]', parseKafka)
    .option('--chart <folder>', 'another chart than the one beside this command')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'the kubeconfig (default: KUBECONFIG, else ~/.kube/config)')
    .option('--timeout <seconds>', 'how long to wait until it is up', parseSeconds, 300)
    .option('--dry-run', 'print the commands, and do nothing')
    .action(async (options: Options) =>
      (await import('../install/run-install.ts')).runInstall(context, choicesOf(options)),
    )
    .addHelpText(
      'after',
      examples([
        ['dormouse install', 'into namespace dormouse-system of the current context'],
        ['dormouse install --kafka kafka.events:9092', 'with events'],
        ['dormouse install --dry-run', 'what would be run'],
      ]),
    )
}

function choicesOf({ values = [], set = [], kafka = [], timeout, dryRun = false, ...others }: Options): InstallOptions {
  return { ...others, values, set, kafka, dryRun, timeoutSeconds: timeout }
}
