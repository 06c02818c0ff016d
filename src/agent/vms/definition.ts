/** Turns a controller's order into the definition of a VM: the host's own template with the VM's addresses. */
import { z } from 'zod';
import { type Pool, parsePool, poolContains } from '../../config/model/address-pool.ts';
import type { NetworkConfig, PortConfig, TemplateConfig } from '../../config/model/model.ts';
import { derivePortMac } from '../../config/model/port-mac.ts';
import { FULL_PROTECTION } from '../../config/model/port-protection.ts';
import {
  ADDRESS_WORDS,
  addressFamily,
  addressToWords,
  canonicalAddress,
  isUnicast,
  parsePrefix,
  prefixContains,
} from '../../wire/address.ts';

const orderSchema = z.object({ addresses: z.array(z.string().refine(isUnicast)).min(1) });

/** Throws an Error with the reason if the order is refused. `own`: the host's template of this name, if any. */
export function definitionFor(
  template: string,
  own: TemplateConfig | undefined,
  order: string,
): TemplateConfig {
  if (own === undefined) {
    throw new Error(`found no template ${template} in this host's configuration, which starts nothing else`);
  }
  const pools = own.addresses.map(parsePool);
  const addresses = addressesOf(order).map(canonicalAddress);
  const stray = addresses.find((address) => !pools.some((pool) => contains(pool, address)));
  if (stray !== undefined)
    throw new Error(
      `found address ${stray}, expected one of template ${template}: ${own.addresses.join(', ')}`,
    );
  return { ...own, addresses };
}

const contains = (pool: Pool, address: string): boolean =>
  pool.family === addressFamily(address) && poolContains(pool, address);

function addressesOf(order: string): string[] {
  try {
    return orderSchema.parse(JSON.parse(order)).addresses;
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(`found an order that cannot be used, expected addresses for a VM: ${reason}`);
  }
}

/**
 * The VM's port, in a namespace with its name. The MAC is derived from the address, not from the name: neighbours of an
 * earlier VM with this address, on any host, reach the new one without resolving again.
 */
export function portOf(vm: string, definition: TemplateConfig, network: NetworkConfig): PortConfig {
  return {
    name: vm,
    network: network.name,
    netns: vm,
    interface: definition.interface,
    mac: derivePortMac(network.name, definition.addresses[0]!),
    addresses: definition.addresses.map((address) => withBits(canonicalAddress(address), network)),
    ...FULL_PROTECTION,
    labels: definition.labels,
    purpose: 'vm',
  };
}

const words = new Int32Array(ADDRESS_WORDS);

/** The address with the prefix length of its subnet. */
function withBits(address: string, network: NetworkConfig): string {
  addressToWords(address, words, 0);
  const subnet = network.subnets.find((text) => prefixContains(parsePrefix(text), words, 0));
  if (subnet === undefined)
    throw new Error(`found address ${address}, expected one in a subnet of network ${network.name}`);
  return address + subnet.slice(subnet.indexOf('/'));
}
