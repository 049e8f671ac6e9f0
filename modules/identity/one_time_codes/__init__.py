"""One-time codes in GraphQL: asking for one, the captcha before it, a code to a new phone."""
