// A stock graphql-sse client: prints one line of JSON per event, until `count` have come.
// It resumes with `Last-Event-ID` when given one, and after a lost connection by itself.
import { createClient } from 'graphql-sse';

const [url, token, count, given] = process.argv.slice(2);
let lastEventId = given;

const client = createClient({
  url,
  retryAttempts: 20,
  retry: () => new Promise((resolve) => setTimeout(resolve, 50)),
  headers: () => ({
    ...(token && { authorization: `Bearer ${token}` }),
    ...(lastEventId && { 'last-event-id': lastEventId }),
  }),
  on: { connected: () => console.log(JSON.stringify({ connected: true })) },
});

const query = 'subscription { messageReceived { id title body } }';
let seen = 0;
for await (const result of client.iterate({ query })) {
  lastEventId = result.extensions?.eventId ?? lastEventId;
  console.log(JSON.stringify(result));
  if (++seen === Number(count)) break;
}
client.dispose();
