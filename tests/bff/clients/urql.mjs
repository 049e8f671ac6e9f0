// urql with graphcache: queries, errors, refusals, pages, its normalised cache and a subscription
// over SSE. The viewer has the messages 一, 二, 三; 四 comes once it listens.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Client, fetchExchange, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { buildSchema, introspectionFromSchema } from 'graphql';

const [url, token] = process.argv.slice(2);
const text = readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8');
const schema = introspectionFromSchema(buildSchema(text));

function connect(headers = { authorization: `Bearer ${token}` }) {
  const cache = cacheExchange({
    schema,
    keys: { Inbox: () => null },
    resolvers: { Inbox: { messages: relayPagination() } },
  });
  return new Client({
    url,
    exchanges: [cache, fetchExchange],
    fetchOptions: { headers },
    fetchSubscriptions: true,
    preferGetMethod: false,
  });
}

const SERVICES = gql`query Services { services { id name } }`;
const INBOX = gql`
  query Inbox($after: String) {
    inbox {
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
      __typename
      ... on MessageRead { readMessage { id readAt } }
      ... on Refusal { code message }
    }
  }
`;

async function reads(client) {
  const { data } = await client.query(SERVICES).toPromise();
  assert.ok(data.services.length >= 63);
}

async function toleratesARefusedRoot() {
  const both = gql`query Both { services { id } inbox { unread } }`;
  const { data, error } = await connect({}).query(both).toPromise();
  assert.ok(data.services.length >= 63);
  assert.equal(data.inbox, null);
  assert.deepEqual(error.graphQLErrors.map(({ extensions }) => extensions.code), [
    'LOGIN_REQUIRED',
  ]);
}

async function pagesAndChanges(client) {
  const first = await client.query(INBOX).toPromise();
  const { endCursor } = first.data.inbox.messages.pageInfo;
  await client.query(INBOX, { after: endCursor }).toPromise();
  const messages = () => client.readQuery(INBOX).data.inbox.messages;
  assert.deepEqual(messages().edges.map(({ node }) => node.title), ['三', '二', '一']);

  const { id } = messages().edges[0].node;
  const read = await client.mutation(READ, { id, key: 'urql-read-1' }).toPromise();
  assert.equal(read.data.markMessageRead.__typename, 'MessageRead');
  const { readAt } = read.data.markMessageRead.readMessage;
  assert.ok(readAt);
  assert.equal(messages().edges[0].node.readAt, readAt);

  const none = { id: '019ac000-0000-7000-8000-000000000000', key: 'urql-read-2' };
  const refused = await client.mutation(READ, none).toPromise();
  assert.equal(refused.error, undefined);
  assert.equal(refused.data.markMessageRead.__typename, 'NotFound');
  assert.equal(refused.data.markMessageRead.code, 'NOT_FOUND');
}

async function listens(client) {
  const query = gql`subscription Received { messageReceived { id title } }`;
  const { data, error } = await new Promise((next) =>
    client.subscription(query).subscribe(next),
  );
  assert.equal(error, undefined);
  assert.equal(data.messageReceived.title, '四');
}

const client = connect();
await reads(client);
await toleratesARefusedRoot();
await pagesAndChanges(client);
await listens(client);
process.exit(0);
