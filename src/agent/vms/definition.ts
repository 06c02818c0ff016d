/** What a controller orders: a template whose pools have been replaced by the addresses that the instance gets. */
import { z } from 'zod';
import type { NetworkConfig, PortConfig, TemplateConfig } from '../../config/model/model.ts';
import { derivePortMac } from '../../config/model/port-mac.ts';
import { FULL_PROTECTION } from '../../config/model/port-protection.ts';
import {
  ADDRESS_WORDS,
  addressToWords,
  canonicalAddress,
  isUnicast,
  parsePrefix,
  prefixContains,
} from '../../wire/address.ts';

const definitionSchema = z.object({
  name: z.string(),
  network: z.string(),
  command: z.array(z.string()).min(1),
  group: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  port: z.int().min(1).max(65_535).optional(),
  weight: z.int(),
  addresses: z.array(z.string().refine(isUnicast)).min(1),
  interface: z.string(),
  env: z.record(z.string(), z.string()),
  user: z.string().optional(),
  directory: z.string(),
  readyTimeoutMs: z.number(),
  stopTimeoutMs: z.number(),
  maxInstances: z.number(),
  hosts: z.array(z.string()),
});

/** Throws an Error that says what is wrong with the text. */
export function parseDefinition(text: string): TemplateConfig {
  try {
    return definitionSchema.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(`found a definition that cannot be used, expected that of an instance: ${reason}`);
  }
}

/**
 * The instance's port, in a namespace called after it. The MAC comes from the address, not from the name: who knew an
 * earlier instance at this address, on whichever host, finds the new one without asking again.
 */
export function portOf(instance: string, definition: TemplateConfig, network: NetworkConfig): PortConfig {
  return {
    name: instance,
    network: network.name,
    netns: instance,
    interface: definition.interface,
    mac: derivePortMac(network.name, definition.addresses[0]!),
    addresses: definition.addresses.map((address) => withBits(canonicalAddress(address), network)),
    ...FULL_PROTECTION,
    labels: definition.labels,
    purpose: 'instance',
  };
}

const words = new Int32Array(ADDRESS_WORDS);

/** With the prefix length of the subnet that it is in. */
function withBits(address: string, network: NetworkConfig): string {
  addressToWords(address, words, 0);
  const subnet = network.subnets.find((text) => prefixContains(parsePrefix(text), words, 0));
  if (subnet === undefined)
    throw new Error(`found address ${address}, expected one in a subnet of network ${network.name}`);
  return address + subnet.slice(subnet.indexOf('/'));
}
