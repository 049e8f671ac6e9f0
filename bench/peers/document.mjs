// What a peer serves: the schema and the data in the files that the measurement has written.
import { readFileSync } from 'node:fs';

export const port = Number(process.argv[2]);
export const typeDefs = readFileSync(process.env.SCHEMA_FILE, 'utf8');
const data = JSON.parse(readFileSync(process.env.DATA_FILE, 'utf8'));
const fits = (asked, value) => (asked ?? value) === value;
const inLanguage = (name) => (service, { locale }) => service[name][locale ?? 'ZH'];

const catalogue = {
  Query: {
    services: (_, { theme, kind }) =>
      data.services.filter((one) => fits(theme, one.theme) && fits(kind, one.kind)),
  },
  Service: { name: inLanguage('name'), department: inLanguage('department') },
};
const home = { Query: { home: async () => data.home } };

export const resolvers = data.home ? home : catalogue;
