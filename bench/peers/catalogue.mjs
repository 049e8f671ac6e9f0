// The catalogue of bench/catalogue_document.py for servers under Node: same schema, same data.
import { readFileSync } from 'node:fs';

export const typeDefs = /* GraphQL */ `
  enum Theme { GOVERNMENT MOBILITY HEALTH COMMUNITY LOVE_CITY SAFETY FINANCE }
  enum ServiceKind { QUERY APPLICATION APPOINTMENT PAYMENT SUBSCRIPTION REPORT }
  enum ServiceStatus { LIVE PLANNED }
  enum OperationKind { QUERY MUTATION SUBSCRIPTION }
  enum Locale { ZH EN }
  type ServiceOperation { id: String! name: String! kind: OperationKind! }
  type Service {
    id: ID! number: Int! name(locale: Locale): String! theme: Theme! kind: ServiceKind!
    department(locale: Locale): String! identityLevel: Int! status: ServiceStatus!
    documentId: String operations: [ServiceOperation!]! deepLink: String!
  }
  type Query { services(theme: Theme, kind: ServiceKind): [Service!]! }
`;

const services = JSON.parse(readFileSync(process.env.CATALOGUE_FILE, 'utf8'));

export const resolvers = {
  Query: {
    services: (_, { theme, kind }) =>
      services.filter((one) => (theme ?? one.theme) === one.theme && (kind ?? one.kind) === one.kind),
  },
  Service: {
    name: (service, { locale }) => service.name[locale ?? 'ZH'],
    department: (service, { locale }) => service.department[locale ?? 'ZH'],
  },
};
