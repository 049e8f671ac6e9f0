// Apollo Server as its documentation starts it; its document cache is on by default.
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { port, resolvers, typeDefs } from './document.mjs';

const server = new ApolloServer({ typeDefs, resolvers });
await startStandaloneServer(server, { listen: { host: '127.0.0.1', port } });
