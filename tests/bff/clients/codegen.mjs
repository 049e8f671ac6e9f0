// graphql-codegen by the configuration that `quancheng documents export` writes, in the folder that
// is named; tsc over what it made and over `codegen/app.ts`, which then runs.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from '@graphql-codegen/cli';

const [folder, url, token] = process.argv.slice(2);
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const made = join(folder, 'typescript');

const config = JSON.parse(readFileSync(join(folder, 'codegen.json'), 'utf8'));
await generate({ ...config, cwd: folder, silent: true, errorsOnly: true }, true);
copyFileSync(at('codegen/app.ts'), join(made, 'app.ts'));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const options = '--strict --skipLibCheck --target es2022 --module nodenext --types node'.split(' ');
const run = (...words) =>
  execFileSync(process.execPath, words, {
    cwd: at('.'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
try {
  run(tsc, ...options, '--outDir', join(made, 'js'), join(made, 'app.ts'), join(made, 'index.ts'));
} catch (error) {
  throw new Error(error.stdout);
}
run(join(made, 'js/app.js'), url, token);
