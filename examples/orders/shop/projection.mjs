/** Builds the read model, event by event, those of one order in their order. */
import { apply, openStore } from './store.mjs'

const database = openStore()

export async function handler(event) {
  apply(database, event)
}
