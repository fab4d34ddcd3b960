/** What every data plane's process reads from its environment: spread into the schema of its own. */
import { hostname } from 'node:os'
import { z } from 'zod'
import { logLevelVariable, portVariable } from '../lib/environment-types.ts'

export const DATA_PLANE_ENVIRONMENT = {
  /** Base URLs of all controller replicas, separated by commas; a host name stands for a replica at each of its addresses. The feed comes from one, load goes to all. */
  DORMOUSE_CONTROLLERS: z.string().transform((text, context) => {
    const urls = text.split(',').map((url) => url.trim())
    if (urls.every((url) => /^https?:\/\/[^/]+\/?$/.test(url))) return urls
    context.addIssue({ code: 'custom', message: `expected base URLs separated by commas, got ${JSON.stringify(text)}` })
    return z.NEVER
  }),
  /** File with the token that controllers verify; a file, because projected tokens rotate. */
  DORMOUSE_TOKEN_FILE: z.string().min(1),
  /** Names this process in load reports: must differ between replicas, and a pod's host name does. */
  DORMOUSE_REPORTER: z.string().min(1).default(hostname()),
  /** Address to listen on; absent: every one, IPv6 and IPv4. */
  DORMOUSE_LISTEN_HOST: z.string().min(1).optional(),
  /** For operators: health, metrics, API. */
  DORMOUSE_MANAGEMENT_PORT: portVariable(9090),
  DORMOUSE_LOG_LEVEL: logLevelVariable,
}
