/** Types of the values in the configuration file, each with a description of valid values and examples. */
import { z } from 'zod';
import { isEndpoint, isGroupMac, isMac, isPrefix, isUnicast, parseEndpoint } from '../../wire/address.ts';
import { DURATION_SYNTAX, parseDuration } from '../model/duration.ts';

export const text = (valid: (value: string) => boolean, expected: string, ...examples: string[]) =>
  z.string(expected).refine(valid, expected).meta({ examples });

/** Approximations for the JSON Schema, which cannot express predicates. */
const ADDRESS_FORMATS = { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] };
const PREFIX_PATTERN = { pattern: '^[0-9a-fA-F:.]+/[0-9]+$' };
const MAC_PATTERN = { pattern: '^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$' };

export const integer = (min: number, max: number, what = 'an integer') => {
  const expected = `${what} from ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
};

export const choice = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, `one of ${values.join(', ')}`);

export const duration = (min: string, max: string) => {
  const expected = `a duration with its unit, such as 90s or 2m, from ${min} to ${max}`;
  return z
    .string(expected)
    .regex(DURATION_SYNTAX, expected)
    .refine((value) => {
      const ms = parseDuration(value) ?? Number.NaN;
      return ms >= parseDuration(min)! && ms <= parseDuration(max)!;
    }, expected)
    .meta({ examples: ['90s', '2m', '1h30m'] });
};

export const oneOrList = <T extends z.ZodType>(item: T, expected: string) =>
  z.union([item, z.array(item).min(1, expected)], expected);

export const optionalList = <T extends z.ZodType>(item: T) => z.array(item).default([]);

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const NAME_EXPECTED =
  'a name of at most 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit';
export const name = z.string(NAME_EXPECTED).regex(NAME, NAME_EXPECTED);

/**
 * The names that native/interface-name.ts accepts: the kernel's dev_valid_name (net/core/dev.c; IFNAMSIZ is 16 with the
 * final zero) without '%', which the kernel replaces by a number, and without unprintable characters. `lo` is neither
 * a VM's interface nor an uplink.
 */
export const interfaceName = text(
  (value) => /^[\x21-\x7e]{1,15}$/.test(value) && !/[/%:]/.test(value) && !/^(\.\.?|lo)$/.test(value),
  "an interface name of 1 to 15 printable ASCII characters without space, '/', ':' or '%'; not lo",
  'eth0',
);

/** A file name under /run/netns that ip(8) accepts as a single argument and does not take for an option. */
export const netnsName = text(
  (value) => /^[A-Za-z0-9_.][A-Za-z0-9_.@:+-]{0,127}$/.test(value) && value !== '.' && value !== '..',
  'a namespace name of 1 to 128 letters, digits and "_.@:+-", not beginning with "@:+-"',
  'web1',
);

export const unicastAddress = text(
  isUnicast,
  'an IPv4 or IPv6 unicast address',
  '10.1.0.100',
  'fd00:1::100',
).meta(ADDRESS_FORMATS);
export const prefix = text(
  isPrefix,
  'a prefix such as 10.1.0.0/24 or fd00:1::/64',
  '10.1.0.0/24',
  'fd00:1::/64',
).meta(PREFIX_PATTERN);
export const addressOrPrefix = text(
  (value) => isUnicast(value) || isPrefix(value),
  'a unicast address or a prefix, such as 10.1.0.200 or 10.1.0.192/28',
  '10.1.0.200',
  '10.1.0.192/28',
).meta({ anyOf: [...ADDRESS_FORMATS.anyOf, PREFIX_PATTERN] });
export const interfaceAddress = text(
  (value) => isPrefix(value) && isUnicast(value.slice(0, value.indexOf('/'))),
  'a unicast address with its prefix length, such as 10.1.0.11/24',
  '10.1.0.11/24',
  'fd00:1::b/64',
).meta(PREFIX_PATTERN);
export const mac = text(
  (value) => isMac(value) && !isGroupMac(value) && !/^(00.){5}00$/.test(value),
  'a unicast MAC address such as 02:00:00:00:01:0b',
  '02:00:00:00:01:0b',
).meta(MAC_PATTERN);
export const l4Port = integer(1, 65535, 'a port');

const PORT_RANGE_EXPECTED = 'a port from 1 to 65535, or a range such as 8000-8099';
/** A port, or `FIRST-LAST`. */
export const portRange = z.union(
  [
    l4Port,
    z
      .string(PORT_RANGE_EXPECTED)
      .regex(/^\d{1,5}-\d{1,5}$/, PORT_RANGE_EXPECTED)
      .refine(
        (range) => range.split('-').every((port) => Number(port) >= 1 && Number(port) <= 65535),
        PORT_RANGE_EXPECTED,
      )
      .meta({ examples: ['8000-8099'] }),
  ],
  PORT_RANGE_EXPECTED,
);
export const labels = z.record(
  z.string(),
  z.string('text; quote numbers and true/false').meta({ examples: ['web'] }),
);

export const listenAddress = text(
  (value) => isEndpoint(value) && parseEndpoint(value).port !== undefined,
  'ADDRESS:PORT or [IPV6]:PORT',
  '0.0.0.0:7400',
  '[::]:7400',
);
export const remoteEndpoint = text(
  (value) => {
    const parts = /^(.+):([1-9]\d{0,4})$/.exec(value);
    if (parts === null || Number(parts[2]) > 65535) return false;
    return (
      isEndpoint(value) ||
      (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(parts[1]!) && !/^[\d.]+$/.test(parts[1]!))
    );
  },
  'HOST:PORT, ADDRESS:PORT or [IPV6]:PORT',
  '192.0.2.1:7400',
  'controller-1.example.net:7400',
);
export const fileName = z.string('a file name').min(1, 'a file name');

export const keyPrefix = text(
  (value) => value.length <= 256 && /^\/([\w.-]+\/)+$/.test(value),
  'a key prefix between slashes',
  '/sluice/',
);

export const timestamp = z.iso
  .datetime({ offset: true, error: 'an ISO 8601 time with its zone, such as 2026-12-01T13:00:00Z' })
  .meta({ examples: ['2026-12-01T13:00:00Z', '2026-12-01T14:00:00+01:00'] });
