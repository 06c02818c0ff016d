/** Compiled firewalls against a naive reading of their rules. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  compileFirewall,
  type FirewallRuleSpec,
  FirewallRules,
  type FirewallSpec,
  FROM_VM,
  MAX_FIREWALL_ENTRIES,
  TO_VM,
} from '../../../src/tables/firewall/firewall-rules.ts';
import { addressToWords, parsePrefix, prefixContains } from '../../../src/wire/address.ts';
import { check } from '../../support/seed.ts';

const test = suite('firewall rules');

const ADDRESSES = ['10.1.0.11', '10.1.0.12', '10.1.1.11', '192.0.2.1', 'fd00:1::b', 'fd00:1::c', 'fd00:2::b'];
const PREFIXES = [
  '10.1.0.0/24',
  '10.1.0.11/32',
  '0.0.0.0/0',
  '192.0.2.0/24',
  'fd00:1::/64',
  'fd00:1::b/128',
  '::/0',
];
const PROTOCOLS = [1, 6, 17, 47, 58, 132];
const VALUES = [0, 8, 22, 80, 443, 8_080, 65_535];

interface Packet {
  readonly direction: number;
  readonly protocol: number;
  readonly value: number;
  readonly source: string;
  readonly destination: string;
}

const some = <T>(values: readonly T[], maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(fc.constantFrom(...values), { maxLength });

const ranges = fc.array(
  fc
    .tuple(fc.constantFrom(...VALUES), fc.constantFrom(...VALUES))
    .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
  { maxLength: 2 },
);

const rule = (id: number): fc.Arbitrary<FirewallRuleSpec> =>
  fc.record({
    id: fc.constant(id),
    verdict: fc.constantFrom('allow' as const, 'deny' as const),
    direction: fc.constantFrom('to-vm' as const, 'from-vm' as const, undefined),
    protocols: some(PROTOCOLS, 2),
    ranges,
    sources: some(PREFIXES, 2),
    destinations: some(PREFIXES, 2),
    log: fc.boolean(),
  });

const firewall: fc.Arbitrary<FirewallSpec> = fc.record({
  default: fc.constantFrom('allow' as const, 'deny' as const),
  rules: fc.tuple(...Array.from({ length: 6 }, (_, id) => rule(id))),
});

const sameFamily = fc
  .tuple(fc.constantFrom(...ADDRESSES), fc.constantFrom(...ADDRESSES))
  .filter(([a, b]) => a.includes(':') === b.includes(':'));

const packet: fc.Arbitrary<Packet> = fc
  .record({
    direction: fc.constantFrom(TO_VM, FROM_VM),
    protocol: fc.constantFrom(...PROTOCOLS),
    value: fc.constantFrom(...VALUES),
    addresses: sameFamily,
  })
  .map(({ addresses: [source, destination], ...rest }) => ({ ...rest, source, destination }));

const words = (address: string): Int32Array => {
  const to = new Int32Array(4);
  addressToWords(address, to, 0);
  return to;
};

const lies = (address: string, prefixes: readonly string[]): boolean =>
  prefixes.length === 0 ||
  prefixes.some((text) => {
    const prefix = parsePrefix(text);
    return (prefix.family === 6) === address.includes(':') && prefixContains(prefix, words(address), 0);
  });

/** The first rule that matches, or undefined. */
const decidingRule = (spec: FirewallSpec, one: Packet): FirewallRuleSpec | undefined =>
  spec.rules.find(
    ({ direction, protocols, ranges, sources, destinations }) =>
      (direction === undefined || (direction === 'to-vm' ? TO_VM : FROM_VM) === one.direction) &&
      (protocols.length === 0 || protocols.includes(one.protocol)) &&
      (ranges.length === 0 || ranges.some(([first, last]) => one.value >= first && one.value <= last)) &&
      lies(one.source, sources) &&
      lies(one.destination, destinations),
  );

test('the compiled firewall decides as its rules read, by the same rule', () => {
  check(
    fc.property(firewall, fc.array(packet, { minLength: 20, maxLength: 20 }), (spec, packets) => {
      const rules = new FirewallRules(compileFirewall(spec));
      for (const one of packets) {
        const { direction, protocol, value, source, destination } = one;
        const isAllowed = rules.match(direction, protocol, value, words(source), words(destination));
        const deciding = decidingRule(spec, one);
        assert.is(isAllowed, (deciding?.verdict ?? spec.default) === 'allow', JSON.stringify([spec, one]));
        assert.is(rules.rule, deciding?.id ?? -1);
        assert.is(rules.logs, deciding?.log ?? false);
      }
    }),
  );
});

test('a firewall that would need too much memory is refused', () => {
  const many = Array.from({ length: 300 }, (_, i): [number, number] => [i, i]);
  const prefixes = Array.from({ length: 300 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  const rules = [
    {
      id: 0,
      verdict: 'allow' as const,
      protocols: [6],
      ranges: many,
      sources: prefixes,
      destinations: [],
      log: false,
    },
  ];
  assert.throws(
    () => compileFirewall({ default: 'deny', rules }),
    `firewall: found 180000 entries, expected at most ${MAX_FIREWALL_ENTRIES}`,
  );
});

test.run();
