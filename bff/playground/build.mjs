// Bundles the playground: page, style and Monaco's three workers, every name carrying its
// content's hash, with a gzip copy beside each text file and a manifest for the server.
// Usage: node build.mjs <output folder>

import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const outdir = process.argv[2];

const entryPoints = {
  app: "src/main.jsx",
  editor: "monaco-editor/esm/vs/editor/editor.worker.js",
  json: "monaco-editor/esm/vs/language/json/json.worker.js",
  graphql: "monaco-graphql/esm/graphql.worker.js",
};

const { metafile } = await build({
  entryPoints,
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  minify: true,
  legalComments: "linked",
  metafile: true,
  logLevel: "error",
  loader: { ".ttf": "file" },
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"', "process.env.USE_IMPORT": '"true"' },
});

const outputs = Object.entries(metafile.outputs);

function outputOf(entryPoint) {
  const found = outputs.find(([, output]) => output.entryPoint?.endsWith(entryPoint));
  return { script: basename(found[0]), style: found[1].cssBundle && basename(found[1].cssBundle) };
}

for (const [path] of outputs.filter(([path]) => /\.(js|css)$/.test(path))) {
  await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
}

const { script, style } = outputOf(entryPoints.app);
const { app: _, ...workerEntries } = entryPoints;
const workers = Object.fromEntries(
  Object.entries(workerEntries).map(([label, entry]) => [label, outputOf(entry).script]),
);
await writeFile(join(outdir, "manifest.json"), JSON.stringify({ script, style, workers }, null, 2));
