// An unmodified client: npm openid-client. Signs somebody in: node openid.mjs ISSUER CLIENT_ID SECRET|- REDIRECT.
// Says the address to open, and reads from the standard input the address that came back.
import { createInterface } from 'node:readline/promises'
import * as client from 'openid-client'

const [issuer, clientId, secret, redirect] = process.argv.slice(2)
const auth = secret === '-' ? client.None() : client.ClientSecretBasic(secret)
const options = { execute: [client.allowInsecureRequests] }
const config = await client.discovery(new URL(issuer), clientId, undefined, auth, options)
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: redirect, scope: 'openid profile phone', state, nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
})
console.log(address.href)
const lines = createInterface({ input: process.stdin })
const back = new URL((await lines[Symbol.asyncIterator]().next()).value)
lines.close()
const tokens = await client.authorizationCodeGrant(config, back, {
  pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true, maxAge: 900,
})
const claims = tokens.claims()
const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
console.log(JSON.stringify({ scope: tokens.scope, claims, info, access_token: tokens.access_token }))
