/** What the fleet takes code from: the store, in the fleet's words, and filled before anybody needs it. */
import { PodStartError, type CodeSupply } from '../fleet/fleet.ts'
import type { Logger } from '../../lib/logger.ts'
import type { ServingBook } from '../functions/serving.ts'
import type { CodeStore } from './code-store.ts'
import { fileNames } from './packed-code.ts'
import { errorText } from '../../lib/error-text.ts'

export function createCodeSupply(store: CodeStore): CodeSupply {
  return {
    async fetch({ function: owner, code, revision }) {
      try {
        return await store.fetch(owner, code?.digest ?? '')
      } catch (error) {
        const why = errorText(error)
        throw new PodStartError('start-failed', `the code of revision ${revision} cannot be read: ${why}`, {
          cause: error,
        })
      }
    },
    fileNames,
  }
}

/** So that a wake-up need not wait for the API, nor fail while that is away. */
export function keepServedCode(
  store: CodeStore,
  serving: Pick<ServingBook, 'get' | 'onChange'>,
  logger: Logger,
): () => void {
  return serving.onChange((key) => {
    const { function: owner, code } = serving.get(key)?.template ?? {}
    if (owner === undefined || code === undefined || store.isFull) return
    store.fetch(owner, code.digest).catch((error: unknown) => {
      logger.warn('code could not be read ahead', { function: key, error })
    })
  })
}
