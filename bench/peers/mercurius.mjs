// Mercurius on Fastify with its JIT, compiling a query when it first comes.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { port, resolvers, typeDefs } from './document.mjs';

const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 });
await app.listen({ host: '127.0.0.1', port });
