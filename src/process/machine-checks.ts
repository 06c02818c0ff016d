/** Checks of a configuration against this machine: files, interfaces, addresses, users, the kernel. */
import { readFileSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Role } from '../config/certificate-roles.ts';
import { besideFile } from '../config/file-names.ts';
import type { Path, Report } from '../config/problems/problems.ts';
import { show } from '../config/problems/problems.ts';
import type { ConfigInput } from '../config/schema/schema.ts';
import type { Lenient } from '../config/schema/shape.ts';
import {
  loadAuthorities,
  loadFleetTls,
  loadTlsFiles,
  type TlsFileProblem,
  TlsFilesError,
} from '../config/tls-files.ts';
import { linkProblems } from '../host/ports/usable-link.ts';
import { readLinkState } from '../native/network/link-state.ts';
import { isPortBusy } from '../native/network/listening.ts';
import { namespaceExists, namespacePath, withNamespace } from '../native/network/netns.ts';
import { findUser } from '../native/processes/users.ts';
import { probeIoUring } from '../native/uring/io-uring.ts';
import { interfaceOwner } from '../run-dir/interface-owner.ts';
import type { OwnThings } from '../run-dir/own-things.ts';
import { addressToWords, canonicalAddress, isEndpoint, parseEndpoint } from '../wire/address.ts';

type View = Lenient<ConfigInput>;

/** As in the schema. */
const DEFAULT_MTU = 1500;
const DEFAULT_INTERFACE = 'eth0';

/** `file`: path of the configuration; `own`: resources of the process that this one will replace. */
export function checkMachine(file: string, view: View, report: Report, own?: OwnThings): void {
  checkEngine(view, report);
  checkUplinks(view, report);
  checkInterfaces(view, report, own);
  checkListeners(view, report, own);
  checkTls(file, view, report);
  checkStore(file, view, report);
  checkUsers(view, report);
}

function checkEngine({ datapath }: View, report: Report): void {
  if (datapath?.engine !== 'uring') return;
  const obstacle = probeIoUring();
  if (obstacle !== null)
    report(
      ['datapath', 'engine'],
      `"uring", which this kernel does not offer: ${obstacle}`,
      'auto or syscall',
    );
}

function checkUplinks(view: View, report: Report): void {
  for (const [i, uplink] of (view.uplinks ?? []).entries()) {
    const device = uplink?.interface;
    if (device === undefined) continue;
    const names = (uplink?.networks ?? []).map((one) => (typeof one === 'string' ? one : one?.name));
    const carried = (view.networks ?? []).flatMap((network) =>
      network?.name !== undefined && names.includes(network.name)
        ? [{ name: network.name, mtu: network.mtu ?? DEFAULT_MTU }]
        : [],
    );
    for (const { found, expected } of linkProblems(device, readLinkState(device), carried))
      report(['uplinks', i, 'interface'], found, expected);
  }
}

/** TAP names must be free in existing namespaces, which only root can enter. */
function checkInterfaces(view: View, report: Report, own?: OwnThings): void {
  for (const [i, port] of (view.ports ?? []).entries()) {
    const { netns, interface: name = DEFAULT_INTERFACE } = port ?? {};
    if (netns === undefined) continue;
    const found = interfaceIn(netns, name);
    if (found === undefined || own?.hasTap(netns, name, found)) continue;
    const owner = interfaceOwner(netns, name);
    const path = ['ports', i, port?.interface === undefined ? 'netns' : 'interface'];
    report(
      path,
      `interface ${name} in namespace ${netns}, which ${owner === undefined ? 'already exists' : `belongs to ${owner}`}`,
      'a free name',
    );
  }
}

/** The interface's index; undefined: it does not exist, or this process may not look. */
function interfaceIn(netns: string, name: string): number | undefined {
  try {
    if (!namespaceExists(netns)) return undefined;
    return withNamespace(namespacePath(netns), () => readLinkState(name)?.index);
  } catch {
    return undefined;
  }
}

/** Listening addresses must belong to this machine, and their ports be free. */
function checkListeners({ listen }: View, report: Report, own?: OwnThings): void {
  const ownAddresses = new Set(
    Object.values(networkInterfaces()).flatMap((entries) =>
      (entries ?? []).map(({ address }) => canonicalAddress(address)),
    ),
  );
  for (const key of ['agents', 'http'] as const) {
    const text = listen?.[key];
    if (text === undefined || !isEndpoint(text)) continue;
    const { port } = parseEndpoint(text);
    const address = canonicalAddress(parseEndpoint(text).address);
    if (port !== undefined && isPortBusy(addressBytes(address), port) && !own?.hasListener(port)) {
      report(['listen', key], `${show(text)}, a port that is in use`, 'a free port');
      continue;
    }
    if (address === '0.0.0.0' || address === '::' || address.startsWith('127.') || ownAddresses.has(address))
      continue;
    if (mayBindForeign(address)) continue;
    report(
      ['listen', key],
      `${show(text)}, an address that this machine does not have`,
      'one of its own, or 0.0.0.0',
    );
  }
}

/** 4 or 16 bytes. */
function addressBytes(address: string): Uint8Array {
  const words = new Int32Array(4);
  const isIpv4 = addressToWords(address, words, 0) === 4;
  const bytes = Buffer.alloc(16);
  words.forEach((word, i) => void bytes.writeInt32BE(word, 4 * i));
  return isIpv4 ? bytes.subarray(12) : bytes;
}

/** Roles that the certificate must have: those in which other processes know this one. */
function rolesOf({ listen, controllers }: View): Role[] {
  return [
    ...(listen?.agents === undefined ? [] : ['controller' as const]),
    ...(controllers === undefined ? [] : ['host' as const]),
  ];
}

/**
 * ip_nonlocal_bind permits binding to floating addresses (e.g. keepalived's) while another machine holds
 * them.
 */
function mayBindForeign(address: string): boolean {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  try {
    return readFileSync(`/proc/sys/net/${family}/ip_nonlocal_bind`, 'utf8').trim() === '1';
  } catch {
    return false;
  }
}

function checkTls(file: string, view: View, report: Report): void {
  const { tls, store } = view;
  const beside = (name: string): string => besideFile(file, name);
  if (tls?.ca !== undefined && tls.cert !== undefined && tls.key !== undefined) {
    const names = { ca: beside(tls.ca), cert: beside(tls.cert), key: beside(tls.key) };
    const { length } = reportFiles(['tls'], () => loadTlsFiles(names), report);
    for (const role of length === 0 ? rolesOf(view) : [])
      reportFiles(['tls'], () => loadFleetTls(names, role), report);
  }
  const files = store?.kind === 'etcd' ? store.tls : undefined;
  if (files === undefined || files === 'none' || files.ca === undefined) return;
  const { cert, key } = files;
  const ca = beside(files.ca);
  const load = (): unknown =>
    cert === undefined || key === undefined
      ? loadAuthorities(ca, 'store.tls')
      : loadTlsFiles({ ca, cert: beside(cert), key: beside(key) });
  reportFiles(['store', 'tls'], load, report);
}

/** Returns the reported problems. */
function reportFiles(path: Path, load: () => unknown, report: Report): readonly TlsFileProblem[] {
  try {
    load();
    return [];
  } catch (error) {
    if (!(error instanceof TlsFilesError)) throw error;
    for (const { setting, file, found, expected } of error.details)
      report([...path, setting], `${found} (${file})`, expected);
    return error.details;
  }
}

function checkStore(file: string, { store }: View, report: Report): void {
  if (store?.kind !== 'file' || store.dir === undefined) return;
  const found = statSync(besideFile(file, store.dir), { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory())
    report(
      ['store', 'dir'],
      `${show(store.dir)}, which is not a directory`,
      'a directory, or a path where one can be created',
    );
}

/** The controller's user, and those of the templates that may run on this machine. */
function checkUsers(view: View, report: Report): void {
  const check = (path: Path, user: string): void => {
    if (findUser(user) === undefined)
      report(path, `${show(user)}, a user that does not exist on this machine`, 'a user in /etc/passwd');
  };
  if (view.user !== undefined) check(['user'], view.user);
  for (const [i, template] of (view.templates ?? []).entries()) {
    const { user, hosts = [] } = template ?? {};
    if (user !== undefined && (hosts.length === 0 || hosts.includes(view.host ?? '')))
      check(['templates', i, 'user'], user);
  }
}
