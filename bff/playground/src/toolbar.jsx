// What stands beside GraphiQL's own buttons: signing in as a demo person, and playing all
// operations of a tab in their order.

import { GraphiQL } from "graphiql";
import { ToolbarButton, useGraphiQL } from "@graphiql/react";
import { Kind, parse } from "graphql";
import { useEffect, useState } from "react";
import { people, signIn, signedInAs } from "./session.js";

const PLAY_ALL = "全部运行 Play all";

/** A list of demo people; choosing one signs all tabs in. */
export function SignIn() {
  const [known, setKnown] = useState([]);
  const [chosen, setChosen] = useState(signedInAs());
  const [fault, setFault] = useState("");
  useEffect(() => void people().then(setKnown, () => setKnown([])), []);
  if (!known.length) return null;

  async function choose(key) {
    setChosen(key);
    setFault("");
    try {
      await signIn(key);
    } catch (error) {
      setChosen("");
      setFault(String(error.message ?? error));
    }
  }

  return (
    <select
      className="playground-sign-in"
      aria-label="登录为 Sign in as"
      title={fault || undefined}
      value={chosen}
      onChange={(event) => choose(event.target.value)}
    >
      <option value="">{fault ? "登录失败 Not signed in" : "未登录 A stranger"}</option>
      {known.map(({ key, name, role }) => (
        <option key={key} value={key}>
          {name} · {role}
        </option>
      ))}
    </select>
  );
}

function operationsOf(query) {
  return parse(query).definitions.filter(
    (node) => node.kind === Kind.OPERATION_DEFINITION && node.operation !== "subscription",
  );
}

/** Runs one operation after another; each step's answer is shown as soon as it is there. */
async function playAll(fetcher, { query, variables, headers }, show) {
  const steps = {};
  for (const operation of operationsOf(query)) {
    const operationName = operation.name?.value;
    const answer = await fetcher({ query, operationName, variables }, { headers });
    steps[operationName] = answer.errors ? { errors: answer.errors, data: answer.data } : answer.data;
    show(steps);
    if (answer.errors) break;
  }
}

function PlayIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="currentColor" className="graphiql-toolbar-icon">
      <path d="M3 5v14l8-7zM12 5v14l8-7z" />
    </svg>
  );
}

/** GraphiQL's toolbar with ours in it. */
export function toolbar(fetcher) {
  function PlayAll() {
    const editors = useGraphiQL(
      ({ queryEditor, variableEditor, headerEditor, responseEditor }) => ({
        queryEditor,
        variableEditor,
        headerEditor,
        responseEditor,
      }),
    );
    const [playing, setPlaying] = useState(false);
    const json = (editor) => JSON.parse(editor?.getValue() || "{}");
    const show = (value) => editors.responseEditor?.setValue(JSON.stringify(value, null, 2));

    async function play() {
      setPlaying(true);
      try {
        const request = {
          query: editors.queryEditor.getValue(),
          variables: json(editors.variableEditor),
          headers: json(editors.headerEditor),
        };
        await playAll(fetcher, request, show);
      } catch (error) {
        show({ errors: [{ message: String(error.message ?? error) }] });
      } finally {
        setPlaying(false);
      }
    }

    return (
      <ToolbarButton label={PLAY_ALL} onClick={play} disabled={playing}>
        <PlayIcon />
      </ToolbarButton>
    );
  }

  return (
    <GraphiQL.Toolbar>
      {({ prettify, copy, merge }) => (
        <>
          <PlayAll />
          {prettify}
          {merge}
          {copy}
        </>
      )}
    </GraphiQL.Toolbar>
  );
}
