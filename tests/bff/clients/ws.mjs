// A stock graphql-ws client: a query, a bad document, then a subscription until `count` events.
// It prints one line of JSON per thing that happens; `pings` makes it wait for a server's ping.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token, count, lastEventId, pings] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));

let heardPing;
const ping = new Promise((resolve) => (heardPing = resolve));
let heardClose;
const closed = new Promise((resolve) => (heardClose = resolve));
const client = createClient({
  url: url.replace('http', 'ws'),
  webSocketImpl: WebSocket,
  retryAttempts: 0,
  lazyCloseTimeout: 60_000,
  connectionParams: token ? { Authorization: `Bearer ${token}` } : undefined,
  on: {
    ping: (received) => received && heardPing(),
    closed: ({ code, reason }) => {
      say({ closed: code, reason });
      heardClose();
    },
  },
});

async function all(payload, limit = Infinity) {
  let seen = 0;
  for await (const result of client.iterate(payload)) {
    say(result);
    if (++seen === limit) break;
  }
}

await all({ query: '{ __typename }' });
await all({ query: '{ nothingOfThatName }' }).catch((errors) => say({ refused: errors }));
if (Number(count)) {
  const extensions = lastEventId ? { lastEventId } : undefined;
  await all(
    { query: 'subscription { messageReceived { id title body } }', extensions },
    Number(count),
  ).catch((error) => say({ ended: error.code ?? String(error) }));
}
if (pings) {
  const open = client.iterate({ query: 'subscription { messageReceived { id } }' });
  const pending = open.next();
  await ping;
  say({ pinged: true });
  await open.return();
  await pending.catch(() => {});
}
client.dispose();
await closed;
process.exit(0);
