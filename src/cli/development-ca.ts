/**
 * A certificate authority for development, and certificates for hosts, controllers and admins, made by the openssl
 * command.
 *
 * One directory holds `ca.pem`, `ca.key`, and `NAME.pem`, `NAME.key` per name. An existing authority is used again, so
 * that names can be added later. A certificate contains the name (as common name and DNS name), the given addresses
 * and the roles (config/certificate-roles.ts). Only the certificates of controllers and servers permit listening
 * (extendedKeyUsage) and are valid for loopback. Keys are P-256 and readable by their owner only.
 */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Role, roleUri } from '../config/certificate-roles.ts';
import { namingFile } from '../config/problems/file-error.ts';

const AUTHORITY_DAYS = 3650;
const HOST_DAYS = 825;
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/;

export interface Holder {
  readonly name: string;
  /** Further addresses and DNS names that others connect to. */
  readonly alternatives: readonly string[];
  readonly roles: readonly Role[];
  /** True if it listens: a controller, or a server such as etcd, which has no role. */
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

/** `h1,c1=192.0.2.1=controller.example.net`: names, each with its further addresses. Throws on invalid ones. */
export function parseHolders(text: string, option: `${Role}s` | 'servers'): Holder[] {
  return text.split(',').map((item) => {
    const [name, ...alternatives] = item.split('=').map((part) => part.trim());
    for (const part of [name!, ...alternatives]) {
      if (!HOST_NAME.test(part) && isIP(part) === 0)
        throw new Error(`--${option}: found ${JSON.stringify(part)}, expected NAME or NAME=ADDRESS`);
    }
    if (isIP(name!) !== 0 || name === 'ca' || name === 'localhost')
      throw new Error(`--${option}: found ${name} as a name, expected the name in its configuration`);
    const roles = option === 'servers' ? [] : [option.slice(0, -1) as Role];
    const isServer = option === 'servers' || option === 'controllers';
    return { name: name!, alternatives, roles, isServer };
  });
}

/** Merges holders of the same name, so that each gets one certificate with all its roles. */
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
  const text = [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    `extendedKeyUsage=clientAuth${isServer ? ',serverAuth' : ''}`,
    `subjectAltName=${[...names, ...uris].join(',')}`,
  ].join('\n');
  namingFile(file('ext'), () => writeFileSync(file('ext'), text));
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
