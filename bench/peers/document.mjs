// What a peer serves: the catalogue where CATALOGUE_FILE names its data, else the home screen.
const name = process.env.CATALOGUE_FILE ? './catalogue.mjs' : './home.mjs';

export const { typeDefs, resolvers } = await import(name);
export const port = Number(process.argv[2]);
