/** Conflicts of a port that is in no file with the configuration, as configuration problems. */
import { type Configuration, networksOf, type PortConfig } from '../../config/model/model.ts';
import type { Problem } from '../../config/problems/problems.ts';

/** Empty: the port can be added. */
export function clashesOf(port: PortConfig, configuration: Configuration): Problem[] {
  const problems: Problem[] = [];
  const clash = (found: string, expected: string): void => {
    problems.push({ path: `ports[${port.name}]`, found, expected });
  };
  const network = configuration.networks.find(({ name }) => name === port.network);
  if (network === undefined) {
    clash(`network ${port.network}`, 'a network of this host, for as long as the port runs');
    return problems;
  }
  const own = new Set(port.addresses.map(withoutBits));
  for (const other of configuration.ports) {
    if (other.name === port.name) clash(`another port ${port.name}`, 'a name of its own');
    if (other.netns === port.netns && other.interface === port.interface)
      clash(`${port.interface} in ${port.netns}, as port ${other.name}`, 'an interface of its own');
    if (other.network !== port.network) continue;
    if (other.mac === port.mac) clash(`MAC ${port.mac}, as port ${other.name}`, 'a MAC of its own');
    for (const address of other.addresses.map(withoutBits))
      if (own.has(address)) clash(`${address}, as port ${other.name}`, 'an address of its own');
  }
  const vips = configuration.groups
    .filter((group) => networksOf(group).includes(port.network) && group.rewrite !== 'port')
    .flatMap(({ vip }) => vip);
  for (const address of [...network.gateway, ...vips])
    if (own.has(address)) clash(`${address}, a gateway's or virtual address`, 'an address of its own');
  return problems;
}

const withoutBits = (prefix: string): string => prefix.slice(0, prefix.indexOf('/'));
