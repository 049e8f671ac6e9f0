"""What the client of the city asks the API."""

REQUEST_CODE = """mutation (
  $phone: String!, $device: DeviceInput, $captcha: String, $key: String!
) {
  requestLoginCode(phone: $phone, device: $device, captcha: $captcha, idempotencyKey: $key) {
    __typename
    ... on RateLimited { retryAfterS }
    ... on Refusal { code message }
  }
}"""

BEGIN_CAPTCHA = """mutation ($key: String!) {
  beginCaptcha(idempotencyKey: $key) {
    ... on CaptchaBegun { url ticket }
    ... on Refusal { code message }
  }
}"""

REQUEST_STEP_UP_CODE = """mutation ($key: String!) {
  requestStepUpCode(idempotencyKey: $key) {
    __typename
    ... on RateLimited { retryAfterS }
    ... on Refusal { code message }
  }
}"""

STEP_UP = """mutation ($code: String!, $key: String!) {
  stepUp(code: $code, idempotencyKey: $key) {
    ... on SteppedUp { accessToken }
    ... on Refusal { code message }
  }
}"""

STAFF_LOG_IN = """mutation (
  $phone: String!, $code: String!, $totp: String!, $key: String!, $device: DeviceInput!
) {
  staffLogin(
    phone: $phone, code: $code, authenticatorCode: $totp, device: $device, idempotencyKey: $key
  ) {
    ... on Tokens { accessToken refreshToken level }
    ... on Refusal { code message }
  }
}"""

LOG_IN = """mutation ($phone: String!, $code: String!, $key: String!, $device: DeviceInput!) {
  login(phone: $phone, code: $code, device: $device, idempotencyKey: $key) {
    ... on Tokens { accessToken refreshToken level }
    ... on Refusal { code message }
  }
}"""

REFRESH = """mutation ($token: String!, $device: DeviceInput!, $key: String!) {
  refreshSession(refreshToken: $token, device: $device, idempotencyKey: $key) {
    ... on Tokens { accessToken refreshToken level }
    ... on Refusal { code message }
  }
}"""

GRANT_CONSENT = """mutation ($purpose: String!, $version: String!, $key: String!, $for: ID) {
  grantConsent(
    purpose: $purpose, textVersion: $version, idempotencyKey: $key, onBehalfOf: $for
  ) {
    ... on ConsentGranted { consent { purpose } }
    ... on Refusal { code message }
  }
}"""

CONSENTS = """query ($for: ID) {
  consentPurposes { purpose }
  viewer { consents(onBehalfOf: $for) { purpose withdrawnAt } }
}"""

MANDATES = "{ mandates { state personId otherName } }"

ADD_CHILD = """mutation ($name: String!, $id: String!, $key: String!) {
  addChild(name: $name, residentId: $id, idempotencyKey: $key) {
    ... on ChildAdded { mandate { personId } }
    ... on Refusal { code message }
  }
}"""

VERIFY_REAL_NAME = """mutation ($name: String!, $id: String!, $key: String!) {
  verifyRealName(name: $name, residentId: $id, idempotencyKey: $key) {
    ... on RealNameVerified { accessToken level }
    ... on Refusal { code message }
  }
}"""
PROVE_BY_PHONE = VERIFY_REAL_NAME.replace("verifyRealName", "proveByPhone")
