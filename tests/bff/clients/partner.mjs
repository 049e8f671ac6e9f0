// An unmodified client: npm oauth4webapi. Finds the server out, gets a token by private_key_jwt, calls with
// DPoP: node partner.mjs ISSUER CLIENT_ID KEY.pem KID URL [BODY IDEMPOTENCY_KEY IF_MATCH]
import { readFileSync } from 'node:fs'
import { createPrivateKey } from 'node:crypto'
import * as oauth from 'oauth4webapi'

const [issuerUrl, clientId, keyFile, kid, url, body, idempotencyKey, etag] = process.argv.slice(2)
const plain = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(issuerUrl)
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plain })
const server = await oauth.processDiscoveryResponse(issuer, found)
const der = createPrivateKey(readFileSync(keyFile)).export({ type: 'pkcs8', format: 'der' })
const key = await crypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
const client = { client_id: clientId }
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const scope = new URLSearchParams({ scope: 'applications.read applications.decide' })
const granted = await oauth.processClientCredentialsResponse(server, client,
  await oauth.clientCredentialsGrantRequest(server, client, oauth.PrivateKeyJwt({ key, kid }), scope, { DPoP, ...plain }))

async function call(method, headers, content) {
  const answer = await oauth.protectedResourceRequest(
    granted.access_token, method, new URL(url), new Headers(headers), content ?? null, { DPoP, ...plain })
  console.log(JSON.stringify({
    type: granted.token_type, scope: granted.scope, status: answer.status,
    etag: answer.headers.get('etag'), body: await answer.json(),
  }))
}

if (body === undefined) await call('GET', {})
else await call('POST', { 'content-type': 'application/json', 'idempotency-key': idempotencyKey, 'if-match': etag }, body)
