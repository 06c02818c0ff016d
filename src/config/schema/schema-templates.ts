/** One entry of `templates`: what a host runs as a VM. */
import { z } from 'zod';
import { isUnicast } from '../../wire/address.ts';
import { isPool } from '../model/address-pool.ts';
import {
  duration,
  integer,
  interfaceName,
  l4Port,
  labels,
  name,
  oneOrList,
  optionalList,
  text,
} from './schema-types.ts';

const COMMAND_EXPECTED = 'a list of program and arguments, or a line for /bin/sh';

const pool = text(
  (value) => isPool(value) && isUnicast(value.split(/[/-]/)[0]!.trim()),
  'a prefix or a range of addresses, such as 10.1.0.128/25 or 10.1.0.50-10.1.0.99',
  '10.1.0.128/25',
  '10.1.0.50-10.1.0.99',
);

const word = z
  .string('text')
  .refine((value) => !value.includes('\0'), 'text without a zero character')
  .meta({ examples: ['/usr/bin/python3'] });

export const template = z.strictObject({
  name: name
    .max(40, 'a name of at most 40 characters, as VMs are named after it')
    .describe('Name of the template, at most 40 characters; its VMs are named after it.'),
  network: name.describe('Name of the network that its VMs belong to.'),
  command: z
    .union([word.min(1, COMMAND_EXPECTED), z.array(word).min(1, COMMAND_EXPECTED)], COMMAND_EXPECTED)
    .describe('Command that runs in the namespace of the VM; the VM ends when it exits.')
    .meta({ examples: [['/usr/bin/python3', '-m', 'http.server', '8080']] }),
  group: name.optional().describe('Group that the VM joins as a member; absent: none.'),
  labels: labels.default({}).describe("Labels of the VMs' ports, matched by the `from` of groups."),
  port: l4Port
    .optional()
    .describe(
      "Port that the VM serves at, which becomes the member's port; absent: the destination port stays unchanged.",
    ),
  weight: integer(0, 65535)
    .default(1)
    .describe('Weight of the member, its share of new flows relative to the other members.'),
  addresses: oneOrList(pool, 'a pool or a list of pools').describe(
    'Address pools of the VMs; each VM gets the first free address of each family.',
  ),
  interface: interfaceName.default('eth0').describe("The TAP's name inside the namespace."),
  env: z
    .record(z.string(), z.string('text; quote numbers and true/false').meta({ examples: ['info'] }))
    .default({})
    .describe("Environment variables of the command, in addition to the host's."),
  user: z
    .string('a user name')
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'a user name')
    .optional()
    .describe('User that runs the command; absent: root.')
    .meta({ examples: ['nobody'] }),
  directory: z
    .string('an absolute path')
    .regex(/^\//, 'an absolute path')
    .default('/')
    .describe('Working directory of the command.'),
  readyTimeout: duration('100ms', '10m')
    .default('30s')
    .describe('Time within which the port of a new VM must accept a connection, or else the VM has failed.'),
  stopTimeout: duration('0s', '10m')
    .default('5s')
    .describe('Time between SIGTERM and SIGKILL when a VM is stopped.'),
  maxInstances: integer(1, 4096)
    .default(64)
    .describe('Maximum number of VMs of this template on all hosts together.'),
  hosts: optionalList(name).describe('Names of the hosts that may run the template; empty: all.'),
});
