/** A running Dormouse as commands see it, wherever it runs. */
import { DEFAULT_NAMESPACE } from '../../api/names.ts'
import { createApiClient, type ApiClient } from './api-client.ts'
import { instanceDoor, type Door } from './door.ts'
import { createEventsClient, type EventsClient } from './events-client.ts'

export interface Connection {
  /** Where objects are that name no namespace. */
  readonly namespace: string
  readonly objects: ApiClient
  readonly events: EventsClient
  /** To the internal listener of a gateway. */
  gateway(): Promise<Door>
  close(): Promise<void>
}

/** `server`: base URL of a management listener. */
export function connectInstance(server: string): Connection {
  const objects = createApiClient(server)
  return {
    namespace: DEFAULT_NAMESPACE,
    objects,
    events: createEventsClient(instanceDoor(server)),
    gateway: async () => instanceDoor((await objects.instance()).urls.internal),
    close: async () => undefined,
  }
}
