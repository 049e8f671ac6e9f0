// The side panel that lists every example; a click opens it in a new tab.

import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useState } from "react";
import { titled } from "./tabs.jsx";

const TITLE = "示例 Examples";

function BookIcon() {
  return (
    <svg height="1em" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5">
      <path d="M5 3h14v18l-7-4-7 4z" strokeLinejoin="round" />
      <path d="M9 8h6M9 12h6" strokeLinecap="round" />
    </svg>
  );
}

function Examples({ examples }) {
  const { addTab } = useGraphiQLActions();
  const editors = useGraphiQL(({ queryEditor, variableEditor, headerEditor }) => ({
    queryEditor,
    variableEditor,
    headerEditor,
  }));
  const [wanted, setWanted] = useState("");

  function open(example) {
    addTab();
    editors.queryEditor.setValue(titled(example));
    editors.variableEditor.setValue(example.variables ?? "");
    if (example.headers) editors.headerEditor.setValue(example.headers);
  }

  const needle = wanted.trim().toLowerCase();
  const shown = examples.filter((example) => titled(example).toLowerCase().includes(needle));
  return (
    <section className="playground-examples" aria-label={TITLE}>
      <div className="graphiql-doc-explorer-title">{TITLE}</div>
      <input
        type="search"
        value={wanted}
        placeholder="查找 Find"
        aria-label="查找示例 Find an example"
        onChange={(event) => setWanted(event.target.value)}
      />
      <ul>
        {shown.map((example) => (
          <li key={example.title}>
            <button type="button" className="graphiql-un-styled" onClick={() => open(example)}>
              {example.title}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The panel as a GraphiQL plugin. */
export function examplesPlugin(examples) {
  return { title: TITLE, icon: BookIcon, content: () => <Examples examples={examples} /> };
}
