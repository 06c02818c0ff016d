import { readFileSync } from 'node:fs';

/** Of package.json, which lies three directories above the compiled file. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
