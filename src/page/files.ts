/** The page's files: made by the build, read at the first request, then held in memory. No other file is served. */
import { readFileSync } from 'node:fs';

export interface PageFile {
  readonly bytes: Buffer;
  readonly contentType: string;
}

const TYPES = {
  'page.html': 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

type FileName = keyof typeof TYPES;

const held = new Map<FileName, PageFile>();

export const isPageFile = (name: string): name is FileName => Object.hasOwn(TYPES, name);

export function pageFile(name: FileName): PageFile {
  const known = held.get(name);
  if (known !== undefined) return known;
  const bytes = readFileSync(new URL(`./files/${name}`, import.meta.url));
  const file = { bytes, contentType: TYPES[name] };
  held.set(name, file);
  return file;
}
