// Names tabs after the comment on their first line, so that a tab can be called 付水费 while
// its operation is called PayWaterBill. GraphiQL itself only knows operation names.

import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect } from "react";

/** The text of an example as it stands in the editor: its title, then its query. */
export function titled({ title, query }) {
  return `# ${title}\n${query}`;
}

/** Corrects titles in place: GraphiQL reports a new state just before it takes it over. */
export function retitle({ tabs }) {
  for (const tab of tabs) {
    tab.title = /^#\s*(\S.*)/.exec(tab.query ?? "")?.[1].trim() ?? tab.title;
  }
}

/** Shows the active tab whole once the editors stand: GraphiQL fills in only the first query. */
export function ActiveTab() {
  const { moveTab } = useGraphiQLActions();
  const tabs = useGraphiQL((state) => state.tabs);
  const ready = useGraphiQL(
    ({ queryEditor, variableEditor, headerEditor, responseEditor }) =>
      Boolean(queryEditor && variableEditor && headerEditor && responseEditor),
  );
  const active = useGraphiQL((state) => state.activeTabIndex);
  useEffect(() => {
    if (ready) moveTab([...tabs]);
    // Once, when the editors are ready; later changes of the tabs are GraphiQL's own.
  }, [ready]);
  useEffect(() => {
    // A tab that a link or an example has opened stands at the end, perhaps out of sight.
    const shown = document.querySelectorAll(".graphiql-tabs .graphiql-tab")[active];
    if (!shown) return undefined;
    // The tab grows with its title, and its bar narrows when the list of people comes.
    const observer = new ResizeObserver(() =>
      shown.scrollIntoView({ block: "nearest", inline: "nearest" }),
    );
    observer.observe(shown);
    observer.observe(shown.closest(".graphiql-tabs"));
    return () => observer.disconnect();
  }, [active, tabs.length]);
}
