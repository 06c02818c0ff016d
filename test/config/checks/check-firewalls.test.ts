import { type Case, runCases } from '../one-change.ts';

const WEB_IN = {
  name: 'web-in',
  rules: [
    { name: 'http', allow: { protocol: 'tcp', ports: [80, '8000-8099'], from: { labels: { tier: 'web' } } } },
  ],
};
const rules = (...list: unknown[]): unknown[] => [{ name: 'web-in', rules: list }];

const cases: Case[] = [
  [
    'a firewall in the chains of a network and of a port',
    [
      ['firewalls', [WEB_IN]],
      ['networks.0.chain', ['web-in']],
      ['ports.0.chain', ['anti-spoofing', { firewall: 'web-in' }, 'load-balancer']],
    ],
    [],
  ],
  [
    'names: of another firewall, of an operator, of another rule',
    [
      [
        'firewalls',
        [
          WEB_IN,
          { ...WEB_IN, rules: [WEB_IN.rules[0], WEB_IN.rules[0]] },
          { name: 'load-balancer', rules: [] },
        ],
      ],
    ],
    [
      'firewalls[1].rules[1].name: found "http", the same as firewalls[1].rules[0].name, expected a name that no other rule of the firewall has',
      'firewalls[1].name: found "web-in", the same as firewalls[0].name, expected a name that no other firewall has',
      'firewalls[2].name: found "load-balancer", expected a name that no operator has',
    ],
  ],
  [
    'conditions that cannot hold together',
    [
      [
        'firewalls',
        rules(
          { name: 'a', allow: { ports: [80] } },
          { name: 'b', deny: { protocol: 'udp', icmpTypes: [8], ports: ['90-80'] } },
          { name: 'c', deny: { sources: ['10.1.0.0/24'], from: { labels: {} } } },
        ),
      ],
    ],
    [
      'firewalls[0].rules[0].allow.ports: found ports with protocol any, expected protocol: tcp, udp or sctp, which have ports',
      'firewalls[0].rules[1].deny.icmpTypes: found ICMP types with protocol udp, expected protocol: icmp',
      'firewalls[0].rules[1].deny.ports[0]: found "90-80", expected 80-90',
      'firewalls[0].rules[2].deny.from: found both from and sources, expected one of the two',
    ],
  ],
  [
    'a rule that neither allows nor denies, and a port out of range',
    [['firewalls', rules({ name: 'a' }, { name: 'b', allow: { protocol: 'tcp', ports: ['0-70000'] } })]],
    [
      'firewalls[0].rules[0]: found a mapping, expected exactly one of allow and deny',
      'firewalls[0].rules[1].allow.ports[0]: found "0-70000", expected a port from 1 to 65535, or a range such as 8000-8099',
    ],
  ],
  [
    'chains: unknown firewalls, an operator twice, anti-spoofing behind others and off',
    [
      ['firewalls', [WEB_IN]],
      ['networks.0.chain', ['web-out', 'load-balancer']],
      ['ports.0.chain', ['load-balancer', 'anti-spoofing', 'load-balancer', { firewall: 'web' }]],
      ['ports.0.antiSpoofing', false],
    ],
    [
      'networks[0].chain[0]: found "web-out", expected one of web-in',
      'networks[0].chain[1]: found "load-balancer", expected one of web-in',
      'ports[0].chain[1]: found anti-spoofing behind other operators, expected anti-spoofing first',
      'ports[0].chain[2]: found "load-balancer", the same as ports[0].chain[0], expected each operator once',
      'ports[0].chain[3].firewall: found "web", expected one of web-in',
      'ports[0].antiSpoofing: found false with anti-spoofing in chain, expected true, or a chain without it',
    ],
  ],
  [
    'rate limits, mirrors and marks',
    [
      ['networks.0.chain', [{ rateLimit: { packetsPerSecond: 1000 } }, { mirror: { port: 'web2' } }]],
      ['ports.0.mark', [{ sources: ['198.51.100.0/24'], dscp: 46 }]],
    ],
    [],
  ],
  [
    'every problem of rate limits, mirrors and marks',
    [
      [
        'ports.0.chain',
        [{ rateLimit: {} }, { rateLimit: { bitsPerSecond: 10 } }, { mirror: { port: 'web3', ports: [80] } }],
      ],
      ['ports.1.mark', [{ sources: [], dscp: 64 }]],
    ],
    [
      'ports[0].chain[0].rateLimit: found a mapping, expected packetsPerSecond, bitsPerSecond, or both',
      'ports[0].chain[1].rateLimit.bitsPerSecond: found 10, expected bits per second from 1000 to 1000000000000',
      'ports[0].chain[2].mirror.port: found "web3", expected the name of a port: one of web1, web2 (did you mean "web1"?)',
      'ports[0].chain[2].mirror.ports: found ports with protocol any, expected protocol: tcp, udp or sctp, which have ports',
      'ports[1].mark[0].sources: found an empty list, expected at least one prefix',
      'ports[1].mark[0].dscp: found 64, expected a DSCP from 0 to 63',
    ],
  ],
];

runCases('firewalls', cases);
