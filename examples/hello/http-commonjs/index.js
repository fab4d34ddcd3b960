/** Node's own (req, res) in CommonJS, with a router as small as it gets. */
const routes = {
  'GET /': (req, res) => res.end('Hello from CommonJS\n'),
  'GET /time': (req, res) => res.end(`${new Date().toISOString()}\n`),
}

exports.handler = (req, res) => {
  const path = new URL(req.url, 'http://localhost').pathname
  const route = routes[`${req.method} ${path}`]
  res.setHeader('content-type', 'text/plain; charset=utf-8')
  if (route !== undefined) return route(req, res)
  res.statusCode = 404
  res.end(`Nothing at ${path}: try ${Object.keys(routes).join(', ')}\n`)
}
