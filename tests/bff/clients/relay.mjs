// relay-compiler over `relay/`, then relay-runtime with what it made: a connection's pages, a
// mutation and a subscription. The viewer has the messages 一, 二, 三; 四 comes once it listens.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { createClient } from 'graphql-ws';
import compiler from 'relay-compiler';
import Relay from 'relay-runtime';
import WebSocket from 'ws';

const [url, token] = process.argv.slice(2);
const here = new URL('.', import.meta.url);
const made = new URL('.cache/relay/', here);

function compile() {
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  writeFileSync(new URL('package.json', made), '{"type": "commonjs"}');
  const config = {
    root: fileURLToPath(here),
    sources: { relay: 'inbox' },
    projects: {
      inbox: {
        language: 'javascript',
        schema: '../../../schema.graphql',
        output: '.cache/relay',
        eagerEsModules: false,
      },
    },
  };
  const file = fileURLToPath(new URL('relay.config.json', made));
  writeFileSync(file, JSON.stringify(config));
  execFileSync(compiler, ['--noWatchman', file], { stdio: 'pipe', encoding: 'utf8' });
}

compile();
const require = createRequire(made);
const artifact = (name) => require(`./${name}.graphql.js`);
const query = artifact('inboxQuery');
const page = artifact('inboxPageQuery');
const fragment = artifact('inbox_messages');
const read = artifact('inboxReadMutation');
const received = artifact('inboxReceivedSubscription');

const socket = createClient({
  url: url.replace('http', 'ws'),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${token}` },
});

async function post({ text }, variables) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json',
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ query: text, variables }),
  });
  return response.json();
}

const listen = ({ name, text }, variables) =>
  Relay.Observable.create((sink) =>
    socket.subscribe({ operationName: name, query: text, variables }, sink),
  );

const environment = new Relay.Environment({
  network: Relay.Network.create(post, listen),
  store: new Relay.Store(new Relay.RecordSource()),
});
const first = Relay.createOperationDescriptor(query, {});
environment.retain(first);

function inbox() {
  const root = environment.lookup(first.fragment).data;
  const found = environment.lookup(Relay.getSingularSelector(fragment, root));
  assert.equal(found.isMissingData, false);
  return found.data.inbox;
}
const titles = () => inbox().messages.edges.map(({ node }) => node.title);

const change = (variables) =>
  new Promise((onCompleted, onError) =>
    Relay.commitMutation(environment, { mutation: read, variables, onCompleted, onError }),
  );

async function pages() {
  await Relay.fetchQuery(environment, query, {}).toPromise();
  assert.deepEqual(titles(), ['三', '二']);
  assert.equal(inbox().messages.pageInfo.hasNextPage, true);
  const after = inbox().messages.pageInfo.endCursor;
  await Relay.fetchQuery(environment, page, { after, first: 2 }).toPromise();
  assert.deepEqual(titles(), ['三', '二', '一']);
  assert.equal(inbox().messages.pageInfo.hasNextPage, false);
}

async function changes() {
  const { id } = inbox().messages.edges[0].node;
  const { markMessageRead } = await change({ id, key: 'relay-read-1' });
  assert.equal(markMessageRead.__typename, 'MessageRead');
  assert.ok(inbox().messages.edges[0].node.readAt);
  assert.equal(environment.getStore().getSource().get(id).__typename, 'Message');

  const none = { id: '019ac000-0000-7000-8000-000000000000', key: 'relay-read-2' };
  const refused = await change(none);
  assert.equal(refused.markMessageRead.__typename, 'NotFound');
  assert.equal(refused.markMessageRead.code, 'NOT_FOUND');
}

async function listens() {
  await new Promise((onNext, onError) =>
    Relay.requestSubscription(environment, {
      subscription: received,
      variables: {},
      onNext,
      onError,
      updater: (store) => {
        const parent = store.getRoot().getLinkedRecord('inbox');
        const list = Relay.ConnectionHandler.getConnection(parent, 'inbox_messages');
        const message = store.getRootField('messageReceived');
        const edge = Relay.ConnectionHandler.createEdge(store, list, message, 'MessageEdge');
        Relay.ConnectionHandler.insertEdgeBefore(list, edge);
      },
    }),
  );
  assert.deepEqual(titles(), ['四', '三', '二', '一']);
}

await pages();
await changes();
await listens();
await socket.dispose();
process.exit(0);
