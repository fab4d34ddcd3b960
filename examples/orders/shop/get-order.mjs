/** GET /orders/{id} from the read model; GET /orders counts them. */
import { find, openStore, summary } from './store.mjs'

const database = openStore()

export function handler(request, response) {
  const { pathname } = new URL(request.url, 'http://shop')
  const id = decodeURIComponent(pathname.split('/')[2] ?? '')
  const found = id === '' ? summary(database) : find(database, id)
  const status = found === undefined ? 404 : 200
  const body = found ?? { error: `there is no order ${id}, or the read model has not seen it yet` }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
