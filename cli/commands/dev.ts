import { Option, type Command } from 'commander'
import { examples, parseCount, parseKafka, parsePort } from '../command-options.ts'
import { DEFAULT_STATE_DIR } from '../client/find-server.ts'
import type { CliContext } from '../context.ts'
import type { DevOptions } from '../dev/run-dev.ts'

export function addDevCommand(program: Command, context: CliContext): void {
  program
    .command('dev')
    .description('run Dormouse on this machine, with everything the manifests in some folders describe')
    .argument('[dirs...]', 'folders or files with manifests; none: what the state directory knows')
    .option('-w, --watch', 'apply again on every save; a manifest that is removed deletes its objects')
    .option('--port <port>', 'public listener: http triggers; 0 = any free port', parsePort, 8080)
    .option('--internal-port <port>', 'internal listener: every function', parsePort, 8081)
    .option('--management-port <port>', 'management listener: health, metrics, this command', parsePort, 9090)
    .option('--state-dir <dir>', 'where state is kept across restarts', `./${DEFAULT_STATE_DIR}`)
    .option('--pool <pods>', 'how many pods of runtime node wait warm in each namespace (default: 3)', parseCount)
    .option(
      '--kafka <brokers>',
      'keep events on this Kafka, host:port[,host:port…], instead of in the state directory (or env DORMOUSE_KAFKA)',
      parseKafka,
    )
    .option('--kafka-tls', 'encrypt connections to it; of all these also in env, as DORMOUSE_KAFKA_TLS…')
    .option('--kafka-tls-ca-file <file>', "authorities to believe instead of the system's, PEM")
    .option('--kafka-tls-cert-file <file>', 'our certificate, PEM; with the next')
    .option('--kafka-tls-key-file <file>', 'its key, PEM')
    .addOption(
      new Option('--kafka-sasl <mechanism>', 'say who we are').choices(['plain', 'scram-sha-256', 'scram-sha-512']),
    )
    .option('--kafka-username <name>', 'with --kafka-sasl')
    .option('--kafka-password-file <file>', 'with --kafka-sasl; a file, as arguments are easily seen by others')
    .option('-v, --verbose', "also print the platform's own log and each invocation's report")
    .addHelpText(
      'after',
      examples([
        ['dormouse dev', 'an empty instance; use `dormouse apply` from another terminal'],
        ['dormouse dev examples/hello --watch', 'a folder of functions, live'],
        ['dormouse dev . --kafka localhost:9092', 'events on a Kafka: see `make kafka`'],
        ['dormouse dev . --port 0 --internal-port 0 --management-port 0', 'on any free ports'],
      ]),
    )
    // The platform is loaded here and not above: `dormouse get` must not pay for it.
    .action(async (dirs: string[], options: DevOptions) =>
      (await import('../dev/run-dev.ts')).runDev(context, dirs, options),
    )
}
