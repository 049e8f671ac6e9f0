// Sends operations: POST for queries and mutations, graphql-transport-ws for subscriptions.

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { Kind, parse } from "graphql";
import { authorization, filled, remember } from "./session.js";

// A bare word, so that a double click and a paste put the token in.
const PLACEHOLDER = "Bearer TOKEN";

export const DEFAULT_HEADERS = JSON.stringify({ Authorization: PLACEHOLDER }, null, 2);

/** Headers that the visitor has filled in: an untouched placeholder is no token. */
function filledIn(headers) {
  return Object.fromEntries(
    Object.entries(headers ?? {}).filter(([, value]) => value !== PLACEHOLDER),
  );
}

/**
 * The request as its own text has it. Just after a change of tab GraphiQL still hands over the
 * former tab's operation name and document, which would ask for an operation that is not there.
 */
function consistent(params, options) {
  let documentAST;
  try {
    documentAST = parse(params.query);
  } catch {
    return [params, options]; // the server's syntax error says more than ours
  }
  const names = documentAST.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((operation) => operation.name?.value);
  const operationName = names.includes(params.operationName) ? params.operationName : names[0];
  return [
    { ...params, operationName },
    { ...options, documentAST },
  ];
}

/** The variables that the operation declares: those of a tab are for all its operations. */
function declared({ operationName, variables }, documentAST) {
  const operation = documentAST?.definitions.find(
    (node) => node.kind === Kind.OPERATION_DEFINITION && node.name?.value === operationName,
  );
  if (!operation) return variables;
  const names = new Set(operation.variableDefinitions.map((one) => one.variable.name.value));
  return Object.fromEntries(Object.entries(variables ?? {}).filter(([name]) => names.has(name)));
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
  return async (params, options) => {
    const own = filledIn(options?.headers);
    const headers = { ...(await authorization()), ...own };
    const [request, rest] = consistent(params, { ...options, headers });
    let variables;
    try {
      variables = filled(declared(request, rest.documentAST));
    } catch (error) {
      return { errors: [{ message: error.message }] };
    }
    const result = await fetcher({ ...request, variables }, rest);
    remember(result?.data);
    return result;
  };
}
