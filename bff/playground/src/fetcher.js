// Sends operations: POST for queries and mutations, graphql-transport-ws for subscriptions.

import { createGraphiQLFetcher } from "@graphiql/toolkit";

const TOKEN_PLACEHOLDER = "<token>";

export const DEFAULT_HEADERS = JSON.stringify(
  { Authorization: `Bearer ${TOKEN_PLACEHOLDER}` },
  null,
  2,
);

/** Headers that the visitor has filled in: an untouched placeholder is no token. */
function filledIn(headers) {
  return Object.fromEntries(
    Object.entries(headers ?? {}).filter(([, value]) => !String(value).includes(TOKEN_PLACEHOLDER)),
  );
}

/** A GraphiQL fetcher for one endpoint; a socket gets the headers as connection parameters. */
export function playgroundFetcher(endpoint) {
  const url = new URL(endpoint, location.href);
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";

  const fetcher = createGraphiQLFetcher({
    url: url.href,
    subscriptionUrl: socketUrl.href,
    enableIncrementalDelivery: false,
  });
  return (params, options) =>
    fetcher(params, { ...options, headers: filledIn(options?.headers) });
}
