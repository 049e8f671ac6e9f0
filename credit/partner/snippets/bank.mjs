// The same in Node 20, without packages: BASE, CLIENT_ID, KEY_FILE=bank.pem node bank.mjs GET /partner/v1/products
import { createHash, createPrivateKey, createPublicKey, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'

const { BASE = 'http://127.0.0.1:8000', CLIENT_ID, KEY_FILE = 'bank.pem' } = process.env
const key = createPrivateKey(readFileSync(KEY_FILE))
const { crv, kty, x, y } = createPublicKey(key).export({ format: 'jwk' })
const jwk = { crv, kty, x, y }
const sha256 = (text) => createHash('sha256').update(text).digest('base64url')
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

function signed(header, claims) {
  const input = `${encode({ alg: 'ES256', ...header })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

// RFC 9449: this request is ours. A new one for every request; no query in `htu`.
function proof(htm, url, token) {
  const claims = { jti: randomUUID(), htm, htu: url.split('?')[0], iat: Math.floor(Date.now() / 1000) }
  return signed({ typ: 'dpop+jwt', jwk }, token ? { ...claims, ath: sha256(token) } : claims)
}

// RFC 7523: who we are. The audience is the issuer, as one string.
function assertion() {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: CLIENT_ID, sub: CLIENT_ID, aud: `${BASE}/partner`, jti: randomUUID(), iat, exp: iat + 60 }
  return signed({ kid: sha256(JSON.stringify(jwk)) }, claims)
}

async function token() {
  const url = `${BASE}/partner/token`
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion(),
  })
  const answer = await fetch(url, { method: 'POST', body, headers: { DPoP: proof('POST', url) } })
  if (!answer.ok) throw new Error(await answer.text())
  return (await answer.json()).access_token
}

const [method, path, body, etag] = process.argv.slice(2)
const access = await token()
const headers = { Authorization: `DPoP ${access}`, DPoP: proof(method, BASE + path, access) }
if (method !== 'GET') Object.assign(headers, { 'Idempotency-Key': randomUUID(), 'Content-Type': 'application/json' })
if (etag) headers['If-Match'] = etag
const answer = await fetch(BASE + path, { method, body, headers })
console.log(answer.status, answer.headers.get('etag') ?? '-', await answer.text())
process.exitCode = answer.ok ? 0 : 1
