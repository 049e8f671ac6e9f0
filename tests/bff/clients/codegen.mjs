// graphql-codegen's client preset over the live server's schema and every committed document; tsc
// over what it made and over `codegen/app.ts`, which then runs.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { generate } from '@graphql-codegen/cli';

const [url, token] = process.argv.slice(2);
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const made = at('.cache/codegen/');
const root = at('../../../');

rmSync(made, { recursive: true, force: true });
mkdirSync(made, { recursive: true });
await generate(
  {
    cwd: at('.'),
    schema: url,
    documents: [`${root}!(tests|bench)/**/documents/*.graphql`, '!**/node_modules/**'],
    generates: {
      [made]: {
        preset: 'client',
        presetConfig: { fragmentMasking: false },
        config: {
          documentMode: 'string',
          emitLegacyCommonJSImports: false,
          useTypeImports: true,
          scalars: { Date: 'string', DateTime: 'string', Fen: 'number', JSON: 'unknown' },
          strictScalars: true,
        },
      },
    },
    silent: true,
    errorsOnly: true,
  },
  true,
);
copyFileSync(at('codegen/app.ts'), `${made}app.ts`);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const options = '--strict --skipLibCheck --target es2022 --module nodenext --types node'.split(' ');
const run = (...words) =>
  execFileSync(process.execPath, words, {
    cwd: at('.'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
try {
  run(tsc, ...options, '--outDir', `${made}js`, `${made}app.ts`, `${made}index.ts`);
} catch (error) {
  throw new Error(error.stdout);
}
run(`${made}js/app.js`, url, token);
