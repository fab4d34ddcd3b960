/** What tests are told, as JSON in DORMOUSE_E2E. */
export interface E2eEnvironment {
  kubeconfig: string
  namespace: string
  release: string
  /** Of all images. */
  tag: string
  /** Processes of the cluster can be felled. */
  local: boolean
  /** Addresses of Services answer from here; else they are called through forwarded ports. */
  reachesServices: boolean
  /** Addresses of the same brokers for tests, which run on this machine, and for pods; or why there are none. */
  kafka: { forTests: string[]; forPods: string[] } | { missing: string }
}
