// APNs as Apple describes it, on Node's own HTTP/2 (nghttp2): a judge that shares nothing with ours.
// Devices: "gone…" answers 410, "expired…" 403, "busy…" 429, "bad…" 400, "mute…" nothing; after `goaway` requests the session goes
// away once and leaves the streams above the last it names unanswered. Prints a line per push.
import http2 from 'node:http2'

const goawayAfter = Number(process.argv[2] ?? 0)
let seen = 0
let gone = false
const server = http2.createServer({ settings: { maxConcurrentStreams: 1000 } })
server.on('stream', (stream, headers) => {
  const chunks = []
  stream.on('error', () => {})
  stream.on('data', (chunk) => chunks.push(chunk))
  stream.on('end', () => {
    seen += 1
    if (goawayAfter && seen > goawayAfter && !gone) {
      gone = true
      const last = stream.id - 2
      stream.session.ignoredAbove = last
      stream.session.goaway(0, last, Buffer.from('{"reason":"Shutdown"}'))
    }
    if (stream.session.ignoredAbove !== undefined && stream.id > stream.session.ignoredAbove) return
    const device = headers[':path'].split('/').pop()
    const id = headers['apns-id']
    const answer = (status, reason) => {
      stream.respond({ ':status': status, 'apns-id': id })
      stream.end(reason ? JSON.stringify({ reason }) : undefined)
    }
    if (!/^bearer [\w-]+\.[\w-]+\.[\w-]+$/.test(headers.authorization ?? '')) return answer(403, 'InvalidProviderToken')
    if (!headers['apns-topic']) return answer(400, 'MissingTopic')
    if (device.startsWith('gone')) return answer(410, 'Unregistered')
    if (device.startsWith('expired')) return answer(403, 'ExpiredProviderToken')
    if (device.startsWith('busy')) return answer(429, 'TooManyRequests')
    if (device.startsWith('mute')) return
    if (device.startsWith('bad')) return answer(400, 'BadTopic')
    const payload = JSON.parse(Buffer.concat(chunks).toString())
    console.log(JSON.stringify({ device, id, collapse: headers['apns-collapse-id'], token: headers.authorization, payload }))
    setTimeout(() => answer(200), 5)
  })
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
