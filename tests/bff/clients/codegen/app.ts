// A screen over generated types: tsc holds each line against the schema, and the server answers it.
import assert from 'node:assert/strict';
import {
  CatalogueDocument,
  InboxDocument,
  MarkMessageReadDocument,
  type TypedDocumentString,
} from './graphql.js';

const [url, token] = process.argv.slice(2);

async function run<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetch(url!, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
  assert.equal(errors, undefined);
  return data;
}

const { services } = await run(CatalogueDocument, {});
const name: string = services[0]!.name;
assert.ok(services.length >= 63 && name);

const { inbox } = await run(InboxDocument, { first: 2 });
const titles: string[] = inbox!.messages!.edges.map(({ node }) => node.title);
assert.deepEqual(titles, ['三', '二']);

const messageId = '019ac000-0000-7000-8000-000000000000';
const { markMessageRead } = await run(MarkMessageReadDocument, { messageId, readKey: 'ts-read-1' });
if (markMessageRead.__typename === 'MessageRead') throw new Error('there is no such message');
const code: string = markMessageRead.code;
assert.equal(code, 'NOT_FOUND');

// @ts-expect-error a nullable root field is held against null first
void (() => inbox.unread);
// @ts-expect-error `first` is required
void (() => run(InboxDocument, {}));
