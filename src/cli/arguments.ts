/** Parsers of arguments and options. Invalid text is a usage error with the expected format. */
import { InvalidArgumentError } from 'commander';
import type { MomentOfChange } from '../api/routes.ts';
import { MAX_SNAP_LENGTH } from '../api/routes.ts';
import { parseDuration } from '../config/model/duration.ts';
import { canonicalMac, type Endpoint, isEndpoint, isMac, isPrefix, parseEndpoint } from '../wire/address.ts';

export function durationArgument(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new InvalidArgumentError('Expected a duration with its unit, such as 90s or 5m.');
  return ms;
}

/** A time, or a time from now that the controllers count: `2026-12-01T13:00:00Z`, `+10m`. */
export function momentArgument(text: string): MomentOfChange {
  if (text.startsWith('+')) return { afterMs: durationArgument(text.slice(1)) };
  const ms = /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return { at: new Date(ms).toISOString() };
  throw new InvalidArgumentError(
    'Expected a time with its zone, such as 2026-12-01T13:00:00Z, or a time from now, such as +10m.',
  );
}

export function endpointArgument(text: string): Endpoint {
  if (!isEndpoint(text)) throw new InvalidArgumentError('Expected ADDRESS, ADDRESS:PORT or [IPV6]:PORT.');
  return parseEndpoint(text);
}

/** ADDRESS, ADDRESS:PORT or ADDRESS/BITS, for a filter. */
export function clientArgument(text: string): string {
  if (!isEndpoint(text) && !isPrefix(text))
    throw new InvalidArgumentError('Expected ADDRESS, ADDRESS:PORT or ADDRESS/BITS.');
  return text;
}

export function macArgument(text: string): string {
  if (!isMac(text)) throw new InvalidArgumentError('Expected a MAC address such as 02:00:00:00:01:0b.');
  return canonicalMac(text);
}

export const weightArgument = (text: string): number => integer(text, 0, 65535);

export const countArgument = (text: string): number => integer(text, 0, 4096);

/** 0 is the greatest, as tcpdump has it. */
export const snapLengthArgument = (text: string): number =>
  integer(text, 0, MAX_SNAP_LENGTH) || MAX_SNAP_LENGTH;

export const limitArgument = (text: string): number => integer(text, 1, Number.MAX_SAFE_INTEGER);

export const integerArgument =
  (min: number, max: number) =>
  (text: string): number =>
    integer(text, min, max);

function integer(text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const upTo = max === Number.MAX_SAFE_INTEGER ? 'on' : `to ${max}`;
  throw new InvalidArgumentError(`Expected an integer from ${min} ${upTo}.`);
}
