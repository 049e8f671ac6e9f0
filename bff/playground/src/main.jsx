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
import "./style.css";

const config = JSON.parse(document.getElementById("playground-config").textContent);

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) =>
    new Worker(config.workers[label] ?? config.workers.editor, { type: "module", name: label }),
};

const examples = examplesPlugin(config.tabs);
// A link may ask for one example by its title, as the page of all services does.
const wanted = new URLSearchParams(location.search).get("open");
const asked = config.tabs.find((tab) => tab.title === wanted);
const opened = asked ? [asked] : config.tabs.filter((tab) => tab.opened);

createRoot(document.getElementById("playground")).render(
  <GraphiQL
    fetcher={playgroundFetcher(config.endpoint)}
    plugins={[examples, explorerPlugin(), HISTORY_PLUGIN]}
    visiblePlugin={examples.title}
    initialQuery={asked && titled(asked)}
    initialVariables={asked?.variables}
    defaultTabs={opened.map((tab) => ({ ...tab, query: titled(tab) }))}
    defaultHeaders={DEFAULT_HEADERS}
    defaultEditorToolsVisibility="headers"
    onTabChange={retitle}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>{config.title}</GraphiQL.Logo>
    <ActiveTab />
  </GraphiQL>,
);
