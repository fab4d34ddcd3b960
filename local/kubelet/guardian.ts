/**
 * The last net: a shell of its own session that outlives us by an instant. It reads the process groups we start and end from a pipe; when
 * the pipe ends — because we stopped, or were killed without a chance to clean up — it kills the groups that are left and removes the pods' files.
 * A runtime also watches its stdin, but one whose event loop is blocked by user code cannot see that.
 */
import { spawn, type ChildProcess } from 'node:child_process'

export interface Guardian {
  /** Start of a process group. */
  watch(groupId: number): void
  /** The group is dead; its id may be used by others from now on. */
  forget(groupId: number): void
  /** Lets it do its last work; settles when it has ended. */
  stop(): Promise<void>
}

/** Lines `+ID` and `-ID`; `$1` is the directory to remove. Builtins only, so that it needs no memory to speak of. */
const SCRIPT = `
trap '' INT TERM HUP
ids=' '
while read -r line; do
  id=\${line#?}
  case $line in
    +*) ids="$ids$id " ;;
    -*) case $ids in *" $id "*) ids="\${ids%% $id *} \${ids#* $id }" ;; esac ;;
  esac
done
# No double dash before the group: dash takes that for a signal.
for id in $ids; do kill -9 "-$id" 2>/dev/null; done
rm -rf -- "$1"
`

/** `directory` is removed when we end, however we end. */
export function startGuardian(directory: string): Guardian {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'dormouse-guardian', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
  })
  const ended = endOf(shell)
  const tell = (line: string) => void shell.stdin?.write(line)
  shell.stdin?.on('error', () => undefined)
  shell.unref()
  return {
    watch: (groupId) => tell(`+${groupId}\n`),
    forget: (groupId) => tell(`-${groupId}\n`),
    async stop() {
      // Whoever stops us may have nothing else to stay alive for.
      shell.ref()
      shell.stdin?.end()
      await ended
    },
  }
}

function endOf(shell: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    shell.once('close', () => resolve())
    // Without a shell the runtimes' own watch on stdin is the only net left.
    shell.once('error', () => resolve())
  })
}
