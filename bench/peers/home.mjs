// The home screen of bench/home_document.py for servers under Node: same schema, same data.
export const typeDefs = /* GraphQL */ `
  type Service { id: ID! name: String! theme: String! status: String! deepLink: String! }
  type Section { id: ID! title: String! status: String! asOf: String reason: String }
  type Home { sections: [Section!]! }
  type Query { services: [Service!]! home: Home! }
`;

const themes = ['GOVERNMENT', 'MOBILITY', 'HEALTH', 'COMMUNITY'];
const count = (length, make) => Array.from({ length }, (_, index) => make(index + 1));

const services = count(63, (number) => ({
  id: `service-${number}`,
  name: `城市服务${number}`,
  theme: themes[number % 4],
  status: 'LIVE',
  deepLink: `quancheng://services/service-${number}`,
}));

const sections = count(12, (number) => ({
  id: `card-${number}`,
  title: `卡片${number}`,
  status: number % 3 ? 'LIVE' : 'UNAVAILABLE',
  asOf: number % 3 ? '2026-11-23T04:00:00Z' : null,
  reason: number % 3 ? null : 'TIMEOUT',
}));

export const resolvers = {
  Query: {
    services: async () => services,
    home: async () => ({ sections }),
  },
};
