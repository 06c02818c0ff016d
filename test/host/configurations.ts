/** Configurations that the tests of this directory share. */
import { parseConfiguration } from '../../src/config/load.ts';
import type { Configuration } from '../../src/config/model/model.ts';
import { applyOverrides, type MemberOverride } from '../../src/controller/groups/member-overrides.ts';

/** Two networks, four ports, a dual-stack group for the web tier, and one with time periods for all of `app`. */
export const SHOP = `
host: h1
networks:
  - { name: app, vni: 5001, subnets: [10.1.0.0/24, "fd00:1::/64"], gateway: [10.1.0.1, "fd00:1::1"] }
  - { name: db, vni: 5002, subnets: [10.2.0.0/24] }
ports:
  - { name: web1, network: app, netns: web1, interface: eth0, addresses: [10.1.0.11/24, "fd00:1::b/64"], labels: { tier: web } }
  - { name: web2, network: app, netns: web2, interface: eth0, addresses: [10.1.0.12/24], labels: { tier: web } }
  - { name: app1, network: app, netns: app1, interface: eth0, addresses: [10.1.0.21/24], labels: { tier: app } }
  - { name: db1, network: db, netns: db1, interface: eth0, addresses: [10.2.0.21/24] }
groups:
  - name: api
    network: app
    vip: [10.1.0.100, "fd00:1::100"]
    protocol: tcp
    port: 80
    from: { tier: web }
    members:
      - { name: app1, address: 10.1.0.21, port: 8080, weight: 1 }
      - { name: app2, address: 10.1.0.22, port: 8080, weight: 3 }
      - { name: six, address: "fd00:1::21", port: 8080, weight: 2 }
  - name: night
    network: app
    vip: 10.1.0.101
    criteria:
      - until: 2026-12-01T13:00:00Z
        members: [ { name: app1, address: 10.1.0.21, weight: 1 }, { name: app2, address: 10.1.0.22, weight: 1 } ]
      - from: 2026-12-01T13:00:00Z
        members: [ { name: app1, address: 10.1.0.21, weight: 5 } ]
`;

export const shop = (): Configuration => parseConfiguration(SHOP);

/** The shop with a group of three priorities, the first for ports of tier web that mark their packets. */
export const shopWithPriorities = (): Configuration =>
  parseConfiguration(`${SHOP}
  - name: tiers
    network: app
    vip: [10.1.0.110, "fd00:1::110"]
    priorities:
      - name: gold
        when: { dscp: 46, vlanPriority: [5, 6], sources: [10.1.0.0/24], sourcePorts: [1024-2047, 2048-65535], labels: { tier: web } }
        members: [ { name: g1, address: 10.1.0.31 }, { name: g2, address: "fd00:1::31" } ]
        onEmpty: next
      - { name: silver, when: { sources: ["fd00:1::/64"] }, members: [ { name: s1, address: 10.1.0.32 } ], onEmpty: drop }
      - { name: rest, members: [ { name: r1, address: 10.1.0.33 } ] }
`);

/** The shop with another text in place of `what`; throws if that does not occur. */
export function shopWith(what: string, replacement: string): Configuration {
  if (!SHOP.includes(what)) throw new Error(`the shop's configuration has no ${what}`);
  return parseConfiguration(SHOP.replace(what, replacement));
}

/** The configuration with one member changed, in every criteria set that names it. */
export function withMember(
  configuration: Configuration,
  group: string,
  member: string,
  override: MemberOverride,
): Configuration {
  const overrides = new Map([[member, override]]);
  const groups = configuration.groups.map((one) =>
    one.name === group ? applyOverrides(one, overrides) : one,
  );
  return { ...configuration, groups };
}
