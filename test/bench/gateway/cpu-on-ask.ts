/** Answers the parent's every message with the CPU time this process has used, in microseconds. */
export function answerCpu(): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuUs: user + system })
  })
  // An orderly exit writes profiles (--cpu-prof).
  process.on('SIGTERM', () => process.exit(0))
}
