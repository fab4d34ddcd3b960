/** A WebSocket echo on an http function: `upgrade` beside the handler gets Node's (req, socket, head). No package needed. */
import { createHash } from 'node:crypto'
import { OPCODE, ProtocolError, readFrame, writeFrame } from './frames.mjs'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export const handler = (req, res) => {
  res.writeHead(426, { 'content-type': 'text/plain', upgrade: 'websocket' })
  res.end('This is a WebSocket: connect with ws://\n')
}

export const upgrade = (req, socket, head) => {
  const key = req.headers['sec-websocket-key']
  if (req.headers.upgrade?.toLowerCase() !== 'websocket' || key === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    return
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  )
  echo(socket, head)
}

function echo(socket, head) {
  let pending = Buffer.alloc(0)
  let message = { opcode: OPCODE.text, parts: [] }

  const onFrame = ({ isFinal, opcode, payload }) => {
    if (opcode === OPCODE.ping) socket.write(writeFrame(OPCODE.pong, payload))
    else if (opcode === OPCODE.close) socket.end(writeFrame(OPCODE.close, payload.subarray(0, 2)))
    else if (opcode <= OPCODE.binary) {
      message = opcode === 0 ? { ...message, parts: [...message.parts, payload] } : { opcode, parts: [payload] }
      if (isFinal) socket.write(writeFrame(message.opcode, Buffer.concat(message.parts)))
    }
  }

  const onData = (chunk) => {
    pending = Buffer.concat([pending, chunk])
    try {
      for (let frame = readFrame(pending); frame !== undefined; frame = readFrame(pending)) {
        pending = frame.rest
        onFrame(frame)
      }
    } catch (error) {
      const code = error instanceof ProtocolError ? 1002 : 1011
      socket.end(writeFrame(OPCODE.close, Buffer.from([code >> 8, code & 0xff])))
    }
  }

  socket.on('data', onData)
  if (head.length > 0) onData(head)
}
