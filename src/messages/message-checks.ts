/**
 * What a decoded message may say. The generated decoders check that bytes have the shape of sluice.proto; these checks
 * are on the values: names have a length, numbers are finite, words are among those that exist. Everything behind the
 * link relies on them.
 *
 * Explanations (`detail`, `error`) come from probed servers and commands; too long ones are truncated, not refused.
 */
import type { FromAgent, FromController, Port, Ports } from './messages.ts';
import { MAX_LOAD } from './messages.ts';
import { MalformedMessage } from './varint.ts';

/** UTF-16 units. A load balancer's key consists of a kind and a name. */
export const MAX_NAME_LENGTH = 320;
/** A host's name becomes a key, a certificate's name and part of log lines. */
const MAX_HOST_LENGTH = 253;
const MAX_LABEL_LENGTH = 1024;
export const MAX_DETAIL_LENGTH = 512;
const MAX_METHOD_LENGTH = 16;
const MAX_PATH_LENGTH = 4096;
/** As in the HTTP API. */
const MAX_REQUEST_BODY_LENGTH = 1 << 20;
const MAX_WEIGHT = 65_535;
const MIN_REPORT_INTERVAL_MS = 10;
const MAX_REPORT_INTERVAL_MS = 3_600_000;
/** The name of a port and of a network namespace. */
const VM_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const EVENT_KINDS: readonly string[] = ['created', 'serving', 'terminated', 'crashed'];

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** Throws MalformedMessage. */
export function checkFromAgent(message: FromAgent): void {
  switch (message.type) {
    case 'hello':
      bounded(message.host, MAX_HOST_LENGTH, 'host');
      bounded(message.version, MAX_NAME_LENGTH, 'version');
      wholes(message, 'agentEpoch', 'rulesEpoch', 'rulesRevision');
      checkPorts(message);
      return;
    case 'ports':
      return checkPorts(message);
    case 'applied':
      wholes(message, 'epoch', 'revision', 'localRevision');
      (message as Mutable<typeof message>).error = cut(message.error);
      return;
    case 'probeResults':
      for (const result of message.results) {
        names(result, 'group', 'member', 'address');
        wholes(result, 'sinceMs');
        result.detail = cut(result.detail);
      }
      return;
    case 'memberLoads':
      for (const told of message.loads) {
        names(told, 'group', 'member', 'address');
        if (!(told.load >= 0 && told.load <= MAX_LOAD)) wrong('load', told.load, `0 … ${MAX_LOAD}`);
        told.detail = cut(told.detail);
      }
      return;
    case 'vmEvent':
      names(message, 'vm', 'template');
      if (!EVENT_KINDS.includes(message.kind)) wrong('kind', message.kind, EVENT_KINDS.join(', '));
      (message as Mutable<typeof message>).detail = cut(message.detail);
      if (message.port) checkPort(message.port);
      return;
    case 'request':
      return checkRequest(message);
    case 'reply':
    case 'report': // its decoder checks
      return;
  }
}

/** Throws MalformedMessage. */
export function checkFromController(message: FromController): void {
  switch (message.type) {
    case 'welcome': {
      names(message, 'controller', 'leader');
      wholes(message, 'epoch');
      const { reportIntervalMs: interval } = message;
      if (interval < MIN_REPORT_INTERVAL_MS || interval > MAX_REPORT_INTERVAL_MS)
        wrong('reportIntervalMs', interval, `${MIN_REPORT_INTERVAL_MS} … ${MAX_REPORT_INTERVAL_MS}`);
      return;
    }
    case 'redirect':
      return names(message, 'leader');
    case 'rules':
      wholes(message, 'epoch', 'revision', 'baseRevision');
      wholes({ atMs: message.atMs ?? 0 }, 'atMs');
      for (const name of message.removed) bounded(name, MAX_NAME_LENGTH, 'removed');
      for (const name of message.tombstones ?? []) bounded(name, MAX_NAME_LENGTH, 'tombstones');
      for (const group of message.groups) {
        names(group, 'name');
        for (const { loadBalancer, criteriaSet = '', weights } of group.balancers ?? []) {
          bounded(loadBalancer, MAX_NAME_LENGTH, 'loadBalancer');
          bounded(criteriaSet, MAX_NAME_LENGTH, 'criteriaSet');
          for (const weight of Object.values(weights))
            if (weight > MAX_WEIGHT) wrong('weight', weight, `0 … ${MAX_WEIGHT}`);
        }
      }
      return;
    case 'globalStats':
      wholes(message, 'epoch', 'sequence', 'atMs');
      for (const group of message.groups) {
        names(group, 'name');
        for (const member of group.members) {
          names(member, 'name');
          for (const [field, value] of Object.entries(member))
            if (typeof value === 'number' && !(value >= 0 && value < Number.POSITIVE_INFINITY))
              wrong(field, value, 'a finite number that is not negative');
        }
      }
      return;
    case 'vmOrder':
      names(message, 'template');
      if (message.command !== 'start' && message.command !== 'stop')
        wrong('command', message.command, 'start or stop');
      if (!VM_NAME.test(message.vm)) wrong('vm', message.vm, 'a name');
      return;
    case 'request':
      return checkRequest(message);
    case 'reply':
      return;
  }
}

function checkPorts({ ports, networks, templates }: Ports): void {
  for (const port of ports) checkPort(port);
  for (const name of templates?.all ?? []) bounded(name, MAX_NAME_LENGTH, 'templates');
  for (const network of networks?.all ?? []) {
    names(network, 'name');
    bounded(network.router ?? '', MAX_NAME_LENGTH, 'router');
  }
}

function checkPort(port: Port): void {
  names(port, 'name', 'network', 'netns', 'mac');
  for (const address of port.addresses) bounded(address, MAX_NAME_LENGTH, 'addresses');
  for (const [label, value] of Object.entries(port.labels)) {
    bounded(label, MAX_LABEL_LENGTH, 'label');
    bounded(value, MAX_LABEL_LENGTH, 'label');
  }
}

function checkRequest(request: { method: string; path: string; body: string; actor?: string }): void {
  bounded(request.method, MAX_METHOD_LENGTH, 'method');
  bounded(request.path, MAX_PATH_LENGTH, 'path');
  bounded(request.body, MAX_REQUEST_BODY_LENGTH, 'body');
  bounded(request.actor ?? '', MAX_NAME_LENGTH, 'actor');
}

function names<Field extends string>(message: Readonly<Record<Field, string>>, ...fields: Field[]): void {
  for (const field of fields) bounded(message[field], MAX_NAME_LENGTH, field);
}

function bounded(text: string, maxLength: number, field: string): void {
  if (text.length > maxLength)
    throw new MalformedMessage(`${field}: found ${text.length} characters, expected at most ${maxLength}`);
}

/** 64-bit fields, which are numbers here. */
function wholes<Field extends string>(message: Readonly<Record<Field, number>>, ...fields: Field[]): void {
  for (const field of fields)
    if (!Number.isSafeInteger(message[field])) wrong(field, message[field], 'a number below 2^53');
}

const cut = (text: string): string =>
  text.length <= MAX_DETAIL_LENGTH ? text : `${text.slice(0, MAX_DETAIL_LENGTH)}…`;

function wrong(field: string, found: string | number, expected: string): never {
  const shown = typeof found === 'string' ? JSON.stringify(found.slice(0, 40)) : found;
  throw new MalformedMessage(`${field}: found ${shown}, expected ${expected}`);
}
