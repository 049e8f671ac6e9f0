// What an app's screen would hold beside its component; relay-compiler reads it, nothing runs it.
import { graphql } from 'relay-runtime';

graphql`
  query inboxQuery {
    ...inbox_messages
  }
`;

graphql`
  fragment inbox_messages on Query
  @refetchable(queryName: "inboxPageQuery")
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 2 }
    after: { type: "String" }
  ) {
    inbox {
      unread
      messages(first: $first, after: $after) @connection(key: "inbox_messages") {
        edges {
          node {
            id
            title
            readAt
          }
        }
      }
    }
  }
`;

graphql`
  mutation inboxReadMutation($id: ID!, $key: String!) {
    markMessageRead(messageId: $id, idempotencyKey: $key) {
      __typename
      ... on MessageRead {
        readMessage {
          id
          readAt
        }
      }
      ... on Refusal {
        code
        message
      }
    }
  }
`;

graphql`
  subscription inboxReceivedSubscription {
    messageReceived {
      id
      title
      readAt
    }
  }
`;
