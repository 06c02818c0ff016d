// timeout: 180s
/**
 * Frames that come in by an uplink, with any vnet header, beside those of VMs: nothing throws, every frame is accounted
 * for, none reaches another tenant, and none that came by the uplink leaves by it for another network.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Testbed } from '../replay/testbed.ts';
import { Accounting, isComplete } from './accounting.ts';
import { SECONDS, SEED } from './byte-fuzzer.ts';
import { capturedFrames, foundFrames } from './corpus.ts';
import { nextFrame } from './mutate.ts';
import { Xorshift } from './xorshift.ts';

const test = suite(`uplinks (SLUICE_TEST_SEED=${SEED})`);

const UPLINKS = {
  uplinks: [
    {
      name: 'up',
      interface: 'up0',
      networks: [
        { name: 'app', vlan: 10 },
        { name: 'db', vlan: 20 },
        { name: 'island', vlan: 30 },
      ],
      reservedMulticastGuard: true,
    },
  ],
};
const LEGS = ['up:app', 'up:db', 'up:island'];
const FEWEST_FRAMES = 20_000;

for (const offloads of [false, true]) {
  test(`frames by an uplink, offloads ${offloads ? 'kept' : 'finished'}`, () => {
    const random = new Xorshift(SEED);
    const bed = new Testbed(offloads, UPLINKS);
    const accounting = new Accounting(bed);
    const corpus = [...capturedFrames(bed), ...foundFrames()];
    const ports = [...bed.portIds.keys()];
    for (const leg of LEGS) assert.ok(ports.includes(leg), leg);
    const endMs = performance.now() + (SECONDS * 1000) / 2;
    for (let fed = 0; fed < FEWEST_FRAMES || performance.now() < endMs; fed++) {
      const made = nextFrame(random, corpus, ports);
      const frame = random.chance(70) ? { ...made, port: random.pick(LEGS) } : made;
      if (random.chance(20)) for (let i = 0; i < 12; i++) frame.vnetHeader[i] = random.below(256);
      if (random.below(1000) === 0) bed.datapath.advance(bed.datapath.timeMs + random.below(20_000));
      try {
        accounting.feed(frame);
      } catch (error) {
        const { port, bytes, vnetHeader } = frame;
        const hex = [vnetHeader, bytes].map((part) => Buffer.from(part).toString('hex')).join(' ');
        throw new Error(`frame ${fed} of seed ${SEED}, by ${port}: ${hex}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    bed.datapath.settle(60_000);
    assert.ok(isComplete(bed.datapath.arena), 'every frame buffer comes home');
    assert.ok(accounting.outcomes.size >= 15, [...accounting.outcomes.keys()].join('; '));
  });
}

test.run();
