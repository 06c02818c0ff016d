/** Configurations of a given size: each port has a load balancer, and each load balancer all groups. */
export interface ScaleSize {
  readonly ports: number;
  readonly groups: number;
  /** Of each group. They are the addresses of ports first, then of nobody. */
  readonly members: number;
}

export interface ScaleOptions {
  /** With a policy that computes weights at this interval; absent: none. */
  readonly policyIntervalMs?: number;
  /** Rows of the connection table; absent: as many as there are by default. */
  readonly maxConnections?: number;
  /** Changes the weight of the first group's first member. */
  readonly firstWeight?: number;
}

/**
 * The network is 10.0.0.0/8: ports from 10.1.0.1, members that no port has from 10.2.0.1, VIPs from 10.9.0.1. One more
 * group, `bulk`, has the second port as its only member, for throughput.
 */
const address = (second: number, index: number): string =>
  `10.${second + (index >> 16)}.${(index >> 8) & 0xff}.${index & 0xff}`;

export const portAddress = (port: number): string => address(1, port + 1);
export const vipAddress = (group: number): string => address(9, group + 1);

export const BULK_VIP = '10.200.0.1';

/** YAML of a configuration; namespaces are called `PREFIXn`. */
export function scaleConfiguration(size: ScaleSize, prefix: string, options: ScaleOptions = {}): string {
  const lines = [
    `host: ${prefix}`,
    'networks:',
    '  - { name: app, vni: 5001, subnets: [10.0.0.0/8], gateway: 10.255.0.1 }',
    ...(options.maxConnections === undefined
      ? []
      : [`datapath: { maxConnections: ${options.maxConnections} }`]),
    'ports:',
  ];
  for (let port = 0; port < size.ports; port++) {
    lines.push(
      `  - { name: p${port}, network: app, netns: ${prefix}${port}, interface: eth0, addresses: [${portAddress(port)}/8] }`,
    );
  }
  lines.push('groups:');
  if (size.ports > 1) {
    lines.push('  - name: bulk', '    network: app', `    vip: ${BULK_VIP}`, '    members:');
    lines.push(`      - { name: server, address: ${portAddress(1)} }`);
  }
  for (let group = 0; group < size.groups; group++) {
    lines.push(`  - name: g${group}`, '    network: app', `    vip: ${vipAddress(group)}`);
    if (options.policyIntervalMs !== undefined) {
      lines.push(`    policy: { kind: inverse-load, interval: ${options.policyIntervalMs}ms }`);
    }
    lines.push('    members:');
    for (let member = 0; member < size.members; member++) {
      const weight = group === 0 && member === 0 ? (options.firstWeight ?? 1) : 1;
      const where = member < size.ports ? portAddress(member) : address(2, member + 1);
      lines.push(`      - { name: m${member}, address: ${where}, weight: ${weight} }`);
    }
  }
  return `${lines.join('\n')}\n`;
}
