import { readFileSync } from 'node:fs';

/** Version of the package; this file runs from dist/src/cli. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  );
  return (manifest as { version: string }).version;
}
