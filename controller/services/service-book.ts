/** Which Functions could not get their name in the cluster's DNS, and why. Written by the services controller, told in their conditions. */
import { createKeyedBook, type KeyedBook } from '../keyed-book.ts'

/** taken: a Service of that name is somebody else's and was left alone. invalid: Kubernetes takes no Service of that name. */
export type ServiceState = 'named' | 'taken' | 'invalid'

export type ServiceBook = KeyedBook<ServiceState>

export const createServiceBook = createKeyedBook<ServiceState>
