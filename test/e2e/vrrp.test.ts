// Floating addresses of the real keepalived in two VMs, with the VM's own MAC and with the virtual MAC of VRRP (RFC 9568).
// timeout: 240s
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Background, until } from '../support/command.ts';
import { Testbed } from '../support/testbed.ts';

const test = suite('VRRP');

const ADDRESS = { 4: '10.1.0.200', 6: 'fd00:1::200' } as const;
const BITS = { 4: 24, 6: 64 } as const;
const ROUTER_ID = { 4: 51, 6: 52 } as const;
const VIRTUAL_MACS = ['00:00:5e:00:01:33', '00:00:5e:00:02:34'];
const ROUTERS = ['s1', 's2'] as const;

let bed: Testbed;
let dir: string;
test.before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-vrrp-'));
  bed = await Testbed.create((config) => {
    for (const port of config.ports) {
      if (!ROUTERS.some((name) => name === port.name)) continue;
      port.allowedAddresses = Object.values(ADDRESS);
      port.allowedMacs = VIRTUAL_MACS;
    }
  });
});
test.after(async () => {
  await bed?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Adverts come every 0.3 s; the backup takes over after three that are missing. */
function keepalived(vm: string, family: 4 | 6, priority: number, hasVirtualMac: boolean): Background {
  const file = (name: string): string =>
    join(dir, `${vm}-${family}-${hasVirtualMac ? 'virtual-' : ''}${name}`);
  writeFileSync(
    file('conf'),
    `global_defs {
  router_id ${vm}
  vrrp_version 3
}
vrrp_instance floating {
  state BACKUP
  interface eth0
  virtual_router_id ${ROUTER_ID[family]}
  priority ${priority}
  advert_int 0.3
  ${hasVirtualMac ? 'use_vmac vrrp0' : ''}
  ${family === 6 ? 'native_ipv6' : ''}
  virtual_ipaddress {
    ${ADDRESS[family]}/${BITS[family]}
  }
}
`,
  );
  return bed.start(
    vm,
    'keepalived',
    ...['--dont-fork', '--log-console', '--vrrp', '--use-file', file('conf')],
    ...['--pid', file('pid'), '--vrrp_pid', file('vrrp.pid')],
  );
}

const holds = async (vm: string, address: string): Promise<boolean> =>
  (await bed.exec(vm, 'ip', '-o', 'address', 'show')).includes(` ${address}/`);

const ping = (target: string, count: number) =>
  bed.try('c1', 'ping', '-n', '-c', String(count), '-i', '0.05', '-W', '1', target);

/** Frames with a source MAC that is not allowed are not counted: the kernel's first ones by keepalived's interface, until it gets its MAC. */
async function spoofedBy(vm: string): Promise<Record<string, number>> {
  const ports = await bed.json<{ port: string; drops: Record<string, number> }[]>('port', 'list');
  const { drops } = ports.find(({ port }) => port === vm)!;
  return Object.fromEntries(Object.entries(drops).filter(([reason]) => /^spoofed-(arp|nd)$/.test(reason)));
}

for (const family of [4, 6] as const) {
  for (const hasVirtualMac of [false, true]) {
    const how = hasVirtualMac ? 'its virtual MAC' : 'the MAC of whoever has it';
    test(`IPv${family}: an address with ${how} goes to the backup and comes back, and pings go on`, async () => {
      const target = ADDRESS[family];
      const daemons = [
        keepalived('s1', family, 150, hasVirtualMac),
        keepalived('s2', family, 100, hasVirtualMac),
      ];
      try {
        await failsOver();
      } finally {
        for (const daemon of daemons) daemon.child.kill('SIGTERM');
        for (const daemon of daemons) await daemon.ended;
      }
      for (const vm of ROUTERS) assert.equal(await spoofedBy(vm), {}, vm);

      async function failsOver(): Promise<void> {
        const answers = (vm: string) =>
          until(`${target} at ${vm}, which answers`, async () => {
            for (const { child, stdout, stderr } of daemons)
              if (child.exitCode !== null) throw new Error(`${stdout}${stderr}`);
            return (await holds(vm, target)) && (await ping(target, 1)).status === 0;
          });
        await answers('s1');
        assert.match((await ping(target, 20)).stdout, / 0% packet loss/);
        const macOf = async (): Promise<string> =>
          /lladdr (\S+)/.exec(await bed.exec('c1', 'ip', 'neighbour', 'show', target))![1]!;
        const virtual = VIRTUAL_MACS[family === 4 ? 0 : 1]!;
        assert.is((await macOf()) === virtual, hasVirtualMac);

        await bed.exec('s1', 'ip', 'link', 'set', 'eth0', 'down');
        await answers('s2');
        assert.match((await ping(target, 20)).stdout, / 0% packet loss/);
        assert.is((await macOf()) === virtual, hasVirtualMac);

        await bed.exec('s1', 'ip', 'link', 'set', 'eth0', 'up');
        await answers('s1');
        await until(`${target} at s1 only`, async () => !(await holds('s2', target)));
        assert.match((await ping(target, 20)).stdout, / 0% packet loss/);
      }
    });
  }
}

test.run();
