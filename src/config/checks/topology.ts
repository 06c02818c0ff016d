/** Networks and addresses of a file, for the checks, even if the file has other problems. */
import {
  addressToWords,
  canonicalAddress,
  formatPrefix,
  MAPPED_BITS,
  networkOf,
  type Prefix,
  parsePrefix,
  prefixContains,
} from '../../wire/address.ts';
import { type Path, pathText, type Report, show } from '../problems/problems.ts';

export interface NetworkInfo {
  readonly name: string;
  readonly subnets: readonly Prefix[];
  /**
   * Scope in which an address must be unique: the network itself, or all networks that one logical router joins.
   */
  readonly domain: string;
  /** Whether a logical router has an address here. */
  readonly hasRouter: boolean;
  /** Whether the logical router has an IPv6 address here, and so a link-local and anycast addresses. */
  readonly hasIpv6Router: boolean;
}

export interface Topology {
  readonly networks: ReadonlyMap<string, NetworkInfo>;
  /** Addresses of gateways and ports, by domain. */
  readonly addresses: Claims;
}

/** Values that may be used once each. */
export class Claims {
  private readonly owners = new Map<string, Path>();

  /** Claims a value. If it is already claimed, reports that with its owner and returns false. */
  claim(key: string, value: unknown, path: Path, expected: string, report: Report): boolean {
    const owner = this.owners.get(key);
    if (owner === undefined) this.owners.set(key, path);
    else report(path, sameAs(value, owner), expected);
    return owner === undefined;
  }

  ownerOf(key: string): Path | undefined {
    return this.owners.get(key);
  }
}

export const sameAs = (value: unknown, owner: Path): string =>
  `${show(value)}, the same as ${pathText(owner)}`;

export const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address);

/** Key of an address within a network, the same for all its spellings. Link-local addresses are local to a network. */
export const addressKeyIn = ({ domain, name }: NetworkInfo, address: string): string =>
  addressKey(isLinkLocal(address) ? `network ${name}` : domain, address);

/** Key of an address within a domain, the same for all its spellings. */
export const addressKey = (domain: string, address: string): string =>
  `${domain} ${canonicalAddress(address)}`;

/** `one or many` of the file as a list, each with its path. */
export function located<T extends string>(
  value: T | readonly (T | undefined)[] | undefined,
  path: Path,
): { value: T; path: Path }[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return [{ value, path }];
  return value.flatMap((item, i) => (item === undefined ? [] : [{ value: item, path: [...path, i] }]));
}

const words = new Int32Array(4);

/** The first prefix that contains the address. */
export function prefixOf(address: string, prefixes: readonly Prefix[]): Prefix | undefined {
  addressToWords(address, words, 0);
  return prefixes.find((prefix) => prefixContains(prefix, words, 0));
}

/** The prefix in canonical form, with its host bits cleared. */
export const canonicalPrefix = (text: string): string => formatPrefix(networkOf(parsePrefix(text)));

/** Reports host bits in a prefix that means a whole network. */
export function checkNoHostBits(text: string, path: Path, report: Report): void {
  const prefix = parsePrefix(text);
  if (formatPrefix(prefix) !== formatPrefix(networkOf(prefix))) {
    report(path, `${show(text)}, which has host bits`, canonicalPrefix(text));
  }
}

/** Reports the network and broadcast address of an IPv4 subnet; /31 and /32 have neither (RFC 3021). */
export function checkHostInSubnet(address: string, subnet: Prefix, path: Path, report: Report): void {
  if (subnet.family === 6 || subnet.bits >= MAPPED_BITS + 31) return;
  const hostMask = 0xffff_ffff >>> (subnet.bits - MAPPED_BITS);
  addressToWords(address, words, 0);
  const hostPart = (words[3]! & hostMask) >>> 0;
  if (hostPart !== 0 && hostPart !== hostMask) return;
  const which = hostPart === 0 ? 'network' : 'broadcast';
  report(
    path,
    `${show(address)}, the ${which} address of its subnet`,
    `a host address inside ${formatPrefix(subnet)}`,
  );
}

/** Expectation for an address outside all these subnets. */
export const insideOneOf = (subnets: readonly Prefix[]): string =>
  subnets.length === 0
    ? 'a subnet that contains it'
    : `an address inside ${subnets.map(formatPrefix).join(' or ')}`;
