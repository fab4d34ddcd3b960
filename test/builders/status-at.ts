/** Status of a GET on a connection of its own, under any Host: fetch does not let one be said. */
import { request } from 'node:http'

export function statusAt(url: string, host = new URL(url).host): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(url, { headers: { host }, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    call.on('error', reject)
    call.end()
  })
}
