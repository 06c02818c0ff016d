/** Which of several rules that match a packet applies (rule-table.ts). */
import { parsePrefix } from '../../wire/address.ts';
import { portCount } from './packet-conditions.ts';
import type { RuleSpec } from './rule-spec.ts';

/** -1: the rule names no sources. */
export const longestPrefix = ({ sources }: RuleSpec): number =>
  Math.max(-1, ...sources.map((source) => parsePrefix(source).bits));

const namesMacs = ({ macs = [] }: RuleSpec): boolean => macs.length > 0;

/** Negative if the first rule takes precedence: an order of rules that may match one packet. */
export const bySpecificity = (a: RuleSpec, b: RuleSpec): number =>
  Number(a.protocol === 'any') - Number(b.protocol === 'any') ||
  portCount(a.ports) - portCount(b.ports) ||
  portCount(a.sourcePorts) - portCount(b.sourcePorts) ||
  Number(namesMacs(b)) - Number(namesMacs(a)) ||
  longestPrefix(b) - longestPrefix(a) ||
  (b.labels ?? 0) - (a.labels ?? 0) ||
  a.id - b.id;
