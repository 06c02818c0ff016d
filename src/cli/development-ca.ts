/**
 * A certificate authority for development, and certificates for hosts, controllers and admins, made by the openssl command.
 *
 * One directory: `ca.pem`, `ca.key`, and `NAME.pem`, `NAME.key` per name. An authority that is there is used again, so
 * names can be added later. A certificate has the name (its common name and a DNS name), the addresses that were given,
 * and its roles (config/certificate-roles.ts). Only controllers and servers can be the listening end of a
 * connection (extendedKeyUsage), and only theirs are good for loopback. Keys: P-256, readable by their owner only.
 */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Role, roleUri } from '../config/certificate-roles.ts';

const AUTHORITY_DAYS = 3650;
const HOST_DAYS = 825;
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/;

export interface Holder {
  readonly name: string;
  /** Further addresses and DNS names under which others connect to it. */
  readonly alternatives: readonly string[];
  readonly roles: readonly Role[];
  /** It listens: a controller, or a server such as etcd, which has no role. */
  readonly isServer: boolean;
}

export interface MadeCertificate {
  readonly host: string;
  readonly roles: readonly Role[];
  readonly cert: string;
  readonly key: string;
  readonly names: string;
  readonly expires: string;
}

export interface MadeCertificates {
  readonly ca: string;
  readonly caExpires: string;
  readonly certificates: readonly MadeCertificate[];
}

/** `h1,c1=192.0.2.1=controller.example.net`: names, each with what else it is reached by. Throws on bad ones. */
export function parseHolders(text: string, option: `${Role}s` | 'servers'): Holder[] {
  return text.split(',').map((item) => {
    const [name, ...alternatives] = item.split('=').map((part) => part.trim());
    for (const part of [name!, ...alternatives]) {
      if (!HOST_NAME.test(part) && isIP(part) === 0)
        throw new Error(`--${option}: found ${JSON.stringify(part)}, expected NAME or NAME=ADDRESS`);
    }
    if (isIP(name!) !== 0 || name === 'ca' || name === 'localhost')
      throw new Error(`--${option}: found ${name} as a name, expected the name of its configuration`);
    const roles = option === 'servers' ? [] : [option.slice(0, -1) as Role];
    const isServer = option === 'servers' || option === 'controllers';
    return { name: name!, alternatives, roles, isServer };
  });
}

/** One certificate per name, with all roles that were asked for it. */
export function mergeHolders(holders: readonly Holder[]): Holder[] {
  const merged = new Map<string, Holder>();
  for (const holder of holders) {
    const before = merged.get(holder.name);
    merged.set(holder.name, {
      name: holder.name,
      alternatives: [...new Set([...(before?.alternatives ?? []), ...holder.alternatives])],
      roles: [...new Set([...(before?.roles ?? []), ...holder.roles])],
      isServer: holder.isServer || (before?.isServer ?? false),
    });
  }
  return [...merged.values()];
}

export async function makeCertificates(
  directory: string,
  holders: readonly Holder[],
): Promise<MadeCertificates> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const scratch = mkdtempSync(join(directory, '.new-'));
  try {
    const ca = join(directory, 'ca.pem');
    if (!existsSync(ca)) await makeAuthority(directory, scratch);
    const certificates: MadeCertificate[] = [];
    for (const holder of mergeHolders(holders)) certificates.push(await makeOne(directory, scratch, holder));
    return { ca, caExpires: expiryOf(ca), certificates };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function makeAuthority(directory: string, scratch: string): Promise<void> {
  const [cert, key] = [join(scratch, 'ca.pem'), join(scratch, 'ca.key')];
  await openssl(
    ['req', '-x509', ...NEW_KEY, '-keyout', key, '-out', cert, '-days', String(AUTHORITY_DAYS)],
    ['-subj', '/CN=Sluice development CA', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  renameSync(key, join(directory, 'ca.key'));
  renameSync(cert, join(directory, 'ca.pem'));
}

async function makeOne(
  directory: string,
  scratch: string,
  { name, alternatives, roles, isServer }: Holder,
): Promise<MadeCertificate> {
  const file = (suffix: string): string => join(scratch, `${name}.${suffix}`);
  const names = [`DNS:${name}`, ...(isServer ? ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'] : [])];
  for (const other of alternatives) names.push(isIP(other) === 0 ? `DNS:${other}` : `IP:${other}`);
  const uris = roles.map((role) => `URI:${roleUri(role)}`);
  writeFileSync(
    file('ext'),
    [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      `extendedKeyUsage=clientAuth${isServer ? ',serverAuth' : ''}`,
      `subjectAltName=${[...names, ...uris].join(',')}`,
    ].join('\n'),
  );
  await openssl([
    'req',
    '-new',
    ...NEW_KEY,
    '-keyout',
    file('key'),
    '-out',
    file('csr'),
    '-subj',
    `/CN=${name}`,
  ]);
  await openssl(
    ['x509', '-req', '-in', file('csr'), '-out', file('pem'), '-days', String(HOST_DAYS)],
    ['-CA', join(directory, 'ca.pem'), '-CAkey', join(directory, 'ca.key'), '-extfile', file('ext')],
  );
  const [cert, key] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
  renameSync(file('key'), key);
  renameSync(file('pem'), cert);
  return { host: name, roles, cert, key, names: names.join(' '), expires: expiryOf(cert) };
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** openssl writes keys with mode 0600. */
async function openssl(...parts: readonly string[][]): Promise<void> {
  try {
    await promisify(execFile)('openssl', parts.flat());
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    if (code === 'ENOENT') throw new Error('tls init needs the openssl command (Debian package openssl)');
    throw new Error(`openssl ${parts[0]![0]} failed: ${(stderr ?? String(error)).trim()}`);
  }
}

const expiryOf = (file: string): string =>
  new Date(new X509Certificate(readFileSync(file)).validTo).toISOString();
