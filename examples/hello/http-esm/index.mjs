/** Node's own (req, res) as an ES module: what comes in goes out again. */
export const handler = async (req, res) => {
  let bytes = 0
  for await (const chunk of req) bytes += chunk.length
  console.log('%s %s with %d bytes', req.method, req.url, bytes)
  res.writeHead(200, { 'content-type': 'application/json' })
  res.end(JSON.stringify({ method: req.method, url: req.url, bytes, agent: req.headers['user-agent'] }))
}
