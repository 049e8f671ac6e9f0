// Mounts GraphiQL with the configuration that the server wrote into the page.

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
// GraphiQL loads this module lazily; naming it here puts Monaco's style into our one CSS file.
import "monaco-graphql/esm/monaco-editor.js";
import { createRoot } from "react-dom/client";
import { examplesPlugin } from "./examples.jsx";
import { DEFAULT_HEADERS, playgroundFetcher } from "./fetcher.js";
import { ActiveTab, retitle, titled } from "./tabs.jsx";
import { SignIn, toolbar } from "./toolbar.jsx";
import "./style.css";

const config = JSON.parse(document.getElementById("playground-config").textContent);

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) =>
    new Worker(config.workers[label] ?? config.workers.editor, { type: "module", name: label }),
};

const examples = examplesPlugin(config.tabs);
// A link may ask for one example by its title, as the page of all services does, or bring a query.
const link = new URLSearchParams(location.search);
const brought = link.has("query") && {
  title: "链接 From a link",
  query: link.get("query"),
  variables: link.get("variables"),
};
const unknown = link.has("open") && {
  title: `没有这个示例 No such example: ${link.get("open").slice(0, 60)}`,
  query: "",
};
const asked =
  brought || config.tabs.find((tab) => tab.title === link.get("open")) || unknown;
const fetcher = playgroundFetcher(config.endpoint);
const opened = asked ? [asked] : config.tabs.filter((tab) => tab.opened);

createRoot(document.getElementById("playground")).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={[examples, explorerPlugin(), HISTORY_PLUGIN]}
    visiblePlugin={matchMedia("(max-width: 700px)").matches ? null : examples.title}
    initialQuery={asked ? titled(asked) : undefined}
    initialVariables={asked ? asked.variables : undefined}
    defaultTabs={opened.map((tab) => ({ ...tab, query: titled(tab) }))}
    defaultHeaders={DEFAULT_HEADERS}
    defaultEditorToolsVisibility="variables"
    onTabChange={retitle}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      <SignIn />
      {config.title}
    </GraphiQL.Logo>
    {toolbar(fetcher)}
    <ActiveTab />
  </GraphiQL>,
);
