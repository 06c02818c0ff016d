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
    .max(40, 'a name of at most 40 characters, as instances are called after it')
    .describe('Name of the template; its instances are called after it.'),
  network: name.describe('Name of the network that its instances are on.'),
  command: z
    .union([word.min(1, COMMAND_EXPECTED), z.array(word).min(1, COMMAND_EXPECTED)], COMMAND_EXPECTED)
    .describe('What runs in the namespace of an instance; when it ends, the instance has ended.')
    .meta({ examples: [['/usr/bin/python3', '-m', 'http.server', '8080']] }),
  group: name.optional().describe('Group whose member an instance becomes; absent: none.'),
  labels: labels.default({}).describe("Labels of the instances' ports."),
  port: l4Port.optional().describe("Port at which an instance serves, the member's port."),
  weight: integer(0, 65535).default(1).describe("The member's share of new flows."),
  addresses: oneOrList(pool, 'a pool or a list of pools').describe(
    'Where instances get their addresses from: of each family the first that is free.',
  ),
  interface: interfaceName.default('eth0').describe("The TAP's name inside the namespace."),
  env: z
    .record(z.string(), z.string('text; quote numbers and true/false').meta({ examples: ['info'] }))
    .default({})
    .describe("Environment of the command, beside the host's."),
  user: z
    .string('a user name')
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'a user name')
    .optional()
    .describe('User that the command runs as; absent: root.')
    .meta({ examples: ['nobody'] }),
  directory: z
    .string('an absolute path')
    .regex(/^\//, 'an absolute path')
    .default('/')
    .describe('Directory that the command starts in.'),
  readyTimeout: duration('100ms', '10m')
    .default('30s')
    .describe('An instance whose port accepts no connection by then has failed.'),
  stopTimeout: duration('0s', '10m')
    .default('5s')
    .describe('Time between SIGTERM and SIGKILL when an instance is stopped.'),
  maxInstances: integer(1, 4096).default(64).describe('Instances at most, over all hosts.'),
  hosts: optionalList(name).describe('Hosts that may run it; empty: all.'),
});
