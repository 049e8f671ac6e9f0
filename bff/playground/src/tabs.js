// Names tabs after the comment on their first line, so that a tab can be called 付水费 while
// its operation is called PayWaterBill. GraphiQL itself only knows operation names.

const STORAGE_KEY = "graphiql:tabState";

/** The text of an example as it stands in the editor: its title, then its query. */
export function titled({ title, query }) {
  return `# ${title}\n${query}`;
}

function titleOf(query) {
  return /^#\s*(\S.*)/.exec(query ?? "")?.[1].trim();
}

/** Corrects titles in place: GraphiQL reports a new state before it takes it over. */
export function retitle({ tabs }) {
  for (const tab of tabs) tab.title = titleOf(tab.query) ?? tab.title;
}

function newTabState(example) {
  return {
    id: crypto.getRandomValues(new Uint32Array(4)).join("-"),
    title: example.title,
    query: titled(example),
    variables: example.variables,
    headers: example.headers,
    operationName: null,
    response: null,
  };
}

/** Makes the examples the open tabs of a first visit; a later visit finds its own tabs again. */
export function prepareStoredTabs(examples) {
  const stored = localStorage.getItem(STORAGE_KEY);
  const state = stored
    ? JSON.parse(stored)
    : { activeTabIndex: 0, tabs: examples.map(newTabState) };
  if (!state.tabs?.length) return;
  retitle(state);
  localStorage.setItem(STORAGE_KEY, JSON.stringify(state));
}
