// Apollo Client: queries, errors, refusals, pages, its normalised cache, @defer, persisted queries
// and a subscription. The viewer has the messages 一, 二, 三; 四 comes once it listens.
import assert from 'node:assert/strict';
import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  HttpLink,
  InMemoryCache,
  gql,
} from '@apollo/client';
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { createHash } from 'node:crypto';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token] = process.argv.slice(2);
const socket = createClient({
  url: url.replace('http', 'ws'),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${token}` },
});

// as https://www.apollographql.com/docs/react/data/fragments has it: which types an interface has
const TYPES = '{ __schema { types { name possibleTypes { name } } } }';
const response = await fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query: TYPES }),
});
const { types } = (await response.json()).data.__schema;
const possibleTypes = Object.fromEntries(
  types
    .filter((type) => type.possibleTypes)
    .map((type) => [type.name, type.possibleTypes.map(({ name }) => name)]),
);

function connect({ headers = { authorization: `Bearer ${token}` }, before = [], ...options } = {}) {
  const http = new HttpLink({ uri: url, headers });
  return new ApolloClient({
    cache: new InMemoryCache({
      possibleTypes,
      typePolicies: {
        Query: { fields: { inbox: { merge: true } } },
        Inbox: { fields: { messages: relayStylePagination() } },
      },
    }),
    link: ApolloLink.split(
      ({ operationType }) => operationType === 'subscription',
      new GraphQLWsLink(socket),
      ApolloLink.from([...before, http]),
    ),
    ...options,
  });
}

const SERVICES = gql`query Services { services { id name } }`;
const INBOX = gql`
  query Inbox($after: String) {
    inbox {
      unread
      messages(first: 2, after: $after) {
        edges { node { id title readAt } }
        pageInfo { hasPreviousPage hasNextPage startCursor endCursor }
      }
    }
  }
`;
const READ = gql`
  mutation Read($id: ID!, $key: String!) {
    markMessageRead(messageId: $id, idempotencyKey: $key) {
      ... on MessageRead { readMessage { id readAt } }
      ... on Refusal { code message }
    }
  }
`;

async function readsAndNormalises() {
  const client = connect();
  const { data } = await client.query({ query: SERVICES });
  assert.ok(data.services.length >= 63);
  const { id, name } = data.services[0];
  const cached = client.cache.extract()[`Service:${id}`];
  assert.deepEqual(cached, { __typename: 'Service', id, name });
}

async function toleratesARefusedRoot() {
  const both = gql`query Both { services { id } inbox { unread } }`;
  const client = connect({ headers: {} });
  const { data, error } = await client.query({ query: both, errorPolicy: 'all' });
  assert.ok(data.services.length >= 63);
  assert.equal(data.inbox, null);
  assert.ok(CombinedGraphQLErrors.is(error));
  assert.deepEqual(error.errors.map(({ extensions, path }) => [extensions.code, path]), [
    ['LOGIN_REQUIRED', ['inbox']],
  ]);
}

async function pagesAndChanges() {
  const client = connect();
  const watched = client.watchQuery({ query: INBOX });
  await new Promise((resolve, error) => {
    // the first news is that it loads
    const next = ({ dataState }) => dataState === 'complete' && resolve();
    watched.subscribe({ next, error });
  });
  const seen = () => client.readQuery({ query: INBOX }).inbox;
  const { endCursor } = seen().messages.pageInfo;
  await watched.fetchMore({ variables: { after: endCursor } });
  const titles = () => seen().messages.edges.map(({ node }) => node.title);
  assert.deepEqual(titles(), ['三', '二', '一']);
  assert.equal(seen().messages.pageInfo.hasNextPage, false);

  const { id } = seen().messages.edges[0].node;
  const read = await client.mutate({ mutation: READ, variables: { id, key: 'apollo-read-1' } });
  assert.equal(read.data.markMessageRead.__typename, 'MessageRead');
  assert.equal(seen().messages.edges[0].node.readAt, read.data.markMessageRead.readMessage.readAt);

  const none = { id: '019ac000-0000-7000-8000-000000000000', key: 'apollo-read-2' };
  const refused = await client.mutate({ mutation: READ, variables: none });
  assert.equal(refused.data.markMessageRead.__typename, 'NotFound');
  assert.equal(refused.data.markMessageRead.code, 'NOT_FOUND');
  assert.ok(refused.data.markMessageRead.message);
}

async function getsTheRestLater(incrementalHandler) {
  const query = gql`
    query Later { services { id } ... @defer { inbox { unread } } }
  `;
  const states = [];
  await new Promise((resolve, reject) => {
    connect({ incrementalHandler }).watchQuery({ query }).subscribe({
      next: ({ data, dataState, error }) => {
        if (error) reject(error);
        states.push(dataState);
        if (dataState === 'complete') resolve(assert.equal(data.inbox.unread, 2));
      },
      error: reject,
    });
  });
  assert.deepEqual(states, ['empty', 'streaming', 'complete'].slice(-states.length));
}

async function fallsBackToText() {
  const hashes = new PersistedQueryLink({
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  });
  const { data } = await connect({ before: [hashes] }).query({ query: SERVICES });
  assert.ok(data.services.length >= 63);
}

async function listens() {
  const query = gql`subscription Received { messageReceived { id title } }`;
  const { data } = await new Promise((next, error) =>
    connect().subscribe({ query }).subscribe({ next, error }),
  );
  assert.equal(data.messageReceived.title, '四');
}

await readsAndNormalises();
await toleratesARefusedRoot();
await pagesAndChanges();
await getsTheRestLater(new Defer20220824Handler());
await getsTheRestLater(new GraphQL17Alpha9Handler());
await fallsBackToText();
await listens();
await socket.dispose();
process.exit(0);
