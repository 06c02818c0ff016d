import { readFileSync } from 'node:fs';

/** Version in package.json, three directories above the compiled file. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
