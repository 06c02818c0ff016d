// datapath.meterPacketsPerMs on its way from the file to the datapath's thread, seen in the tables of a running host.
// timeout: 60s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sleep } from '../support/host-processes.ts';
import { TestHost } from './hosts.ts';

const test = suite('metering of a host');

const VIP = '10.1.0.100';
const WAIT_MS = 5_000;

for (const [meterPacketsPerMs, failedConnects] of [
  [64, 1],
  [0, 0],
] as const) {
  test(`${meterPacketsPerMs} packets per ms: ${failedConnects} failed handshakes seen, all packets counted`, async () => {
    const own = new TestHost(`m${meterPacketsPerMs}`);
    try {
      const port = (name: string, address: string) => ({
        name,
        network: 'app',
        netns: own.files.netns(name),
        addresses: [`${address}/24`],
      });
      own.files.writeConfig({
        host: 'h1',
        datapath: { meterPacketsPerMs },
        networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
        ports: [port('a', '10.1.0.11'), port('b', '10.1.0.12')],
        groups: [{ name: 'web', network: 'app', vip: VIP, members: [{ name: 'b', address: '10.1.0.12' }] }],
      });
      const { stats } = (await own.start()).tables;
      // Nobody listens there: the member's kernel refuses.
      const dial = `(exec 3<>/dev/tcp/${VIP}/81) 2>&1 | grep -q refused`;
      own.files.exec('a', 'bash', '-c', dial);
      const used = () =>
        Array.from({ length: own.host.tables.limits.maxStatSlots }, (_, slot) => stats.read(slot)).find(
          ({ newFlows }) => newFlows > 0,
        );
      for (let waited = 0; used()?.resets !== 1 && waited < WAIT_MS; waited += 20) await sleep(20);
      const { newFlows, packets, replyPackets, resets, ...more } = used()!;
      assert.equal(
        { newFlows, packets, replyPackets, resets },
        { newFlows: 1, packets: 1, replyPackets: 1, resets: 1 },
      );
      assert.is(more.failedConnects, failedConnects);
    } finally {
      await own.close();
    }
  });
}

test.run();
