/**
 * A woken function answers its first request before the API hears of it. What nobody waits for (labels, resize, status, Events) is written so much
 * later: an API server, the watches of all who follow and the kubelet want processor time of the node that the request needs now.
 */
export const AFTER_WAKE_MS = 50

/** Of an API that is memory of this process, nothing has to wait for anything. */
export const AT_ONCE_MS = 0
