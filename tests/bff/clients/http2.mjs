// Node's own HTTP/2 client: `count` queries at once over one connection, prior knowledge (h2c).
// It prints one line of JSON per answer: status, how it was packed, and the body.
import http2 from 'node:http2';
import { gunzipSync } from 'node:zlib';

const [url, count] = process.argv.slice(2);
const { origin, pathname } = new URL(url);
const session = http2.connect(origin);

function ask(number) {
  const body = JSON.stringify({ query: `{ answer${number}: __typename }` });
  const stream = session.request({
    ':method': 'POST',
    ':path': pathname,
    'content-type': 'application/json',
    'accept-encoding': 'gzip',
  });
  return new Promise((resolve, reject) => {
    let status, packed;
    const chunks = [];
    stream.on('response', (headers) => {
      status = headers[':status'];
      packed = headers['content-encoding'] ?? null;
    });
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => {
      const whole = Buffer.concat(chunks);
      const text = (packed ? gunzipSync(whole) : whole).toString();
      resolve({ status, packed, protocol: session.alpnProtocol, answer: JSON.parse(text) });
    });
    stream.on('error', reject);
    stream.end(body);
  });
}

for (const line of await Promise.all(Array.from({ length: Number(count) }, (_, n) => ask(n)))) {
  console.log(JSON.stringify(line));
}
session.close();
