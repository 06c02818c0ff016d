/** Packet sockets of one VLAN each, on both ends of a veth pair, moved by both engines: tags, and what stays out. */
import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openUplinkSocket, type UplinkSocket } from '../../../src/io/devices/uplink-socket.ts';
import type { FrameDevice, FrameEngine } from '../../../src/io/engine.ts';
import { SyscallEngine } from '../../../src/io/engines/syscall-engine.ts';
import { UringEngine } from '../../../src/io/engines/uring-engine.ts';
import { closeDescriptor } from '../../../src/native/libc.ts';
import { readLinkState } from '../../../src/native/network/link-state.ts';
import { openPacketSocket } from '../../../src/native/network/packet-socket.ts';
import * as virtio from '../../../src/wire/virtio-net.ts';
import { countingBytes, ethernetFrame, tcpFrame, type WireFrame } from '../../support/packets.ts';
import { parseFrame } from '../../support/parse-frame.ts';
import { addVethPair, waitForLink } from '../../support/veth.ts';

const test = suite('uplink socket');

const id = process.pid.toString(36);
const [near, far] = [`slu${id}`, `slv${id}`];

test.before(() => addVethPair(near, far));
test.after(() => {
  execFileSync('ip', ['link', 'del', near]);
});

const WAY = {
  fromMac: '02:00:00:00:00:01',
  toMac: '02:00:00:00:00:02',
  from: '10.1.0.1',
  to: '10.1.0.2',
};

/** 10 000 bytes of TCP as a VM's stack hands them over. */
const superSegment = tcpFrame(WAY, {
  sourcePort: 1,
  destinationPort: 2,
  flags: 'A',
  payload: countingBytes(10_000),
  gsoSize: 1_400,
});

const small: WireFrame = {
  bytes: ethernetFrame({ ...WAY, padTo: 60 }, countingBytes(40), 0x88b5),
  vnet: new Uint8Array(12),
};

/** Sends a frame with the next `receive`; the returned function lets go of its slot and says what lies in it then. */
function transmit(engine: FrameEngine, port: number, { bytes, vnet }: WireFrame): () => Uint8Array {
  const slot = engine.arena.take();
  const offset = engine.arena.frameOffset(slot);
  engine.arena.bytes.set(vnet, offset - 12);
  engine.arena.bytes.set(bytes, offset);
  engine.transmit(port, slot, offset, bytes.length);
  return () => {
    engine.arena.release(slot);
    return engine.arena.bytes.slice(offset - 12, offset + bytes.length);
  };
}

/** All frames, by port: at least `expected`, however slow the machine is, and what comes within a moment more. */
function collect(engine: FrameEngine, expected: number): { port: number; wire: WireFrame }[] {
  const frames: { port: number; wire: WireFrame }[] = [];
  const deadline = Date.now() + 20_000;
  for (let end = Date.now() + 100; Date.now() < end; ) {
    const count = engine.receive(10_000);
    for (let i = 0; i < count; i++) {
      const { port, slot, offset, length } = engine.batch;
      const at = offset[i]!;
      const { bytes } = engine.arena;
      frames.push({
        port: port[i]!,
        wire: { bytes: bytes.slice(at, at + length[i]!), vnet: bytes.slice(at - 12, at) },
      });
      engine.arena.release(slot[i]!);
    }
    if (frames.length < expected && Date.now() < deadline) end = Date.now() + 100;
  }
  return frames;
}

const ENGINES = { uring: UringEngine, syscall: SyscallEngine };

for (const [name, Engine] of Object.entries(ENGINES)) {
  const withEngine = (body: (engine: FrameEngine, open: Open) => void) => () => {
    const engine = new Engine({ maxPorts: 8, slots: 256, busyPollUs: 0 });
    const closers: (() => void)[] = [];
    let ports = 0;
    const attach = (device: FrameDevice, close: () => void): number => {
      engine.attach(ports, device);
      closers.push(close);
      return ports++;
    };
    const open: Open = (device, vlan, vnetHeader = 'auto') => {
      if (vnetHeader === 'auto') {
        const socket: UplinkSocket = openUplinkSocket(device, vlan);
        return attach(socket.device, () => socket.close());
      }
      const { fd, vnetHeaderBytes } = openPacketSocket(device, { vnetHeader, vlan: vlan ?? 'untagged' });
      return attach({ fd, vnetHeaderBytes, maxFrameBytes: 65_549, vlan }, () => closeDescriptor(fd));
    };
    try {
      body(engine, open);
    } finally {
      engine.close();
      for (const close of closers) close();
    }
  };

  for (const vnetHeader of ['auto', 10, 0] as const) {
    test(
      `${name}: each VLAN's frames come to its socket only, without their tag; vnet header ${vnetHeader}`,
      withEngine((engine, open) => {
        const vlans = [undefined, 100, 200];
        const senders = vlans.map((vlan) => open(near, vlan, vnetHeader));
        const receivers = vlans.map((vlan) => open(far, vlan));
        engine.receive(0);
        for (const [i, sender] of senders.entries()) {
          transmit(engine, sender, small)();
          const [frame, ...others] = collect(engine, 1);
          assert.equal(others, [], `more than one frame for VLAN ${vlans[i]}`);
          assert.is(frame!.port, receivers[i]);
          assert.equal(frame!.wire.bytes, small.bytes);
        }
        assert.is(engine.counters.writeErrors, 0);
      }),
    );
  }

  for (const vnetHeader of ['auto', 10] as const) {
    test(
      `${name}: a super-segment crosses in one piece, tagged or not, and stays as it is in the arena; vnet header ${vnetHeader}`,
      withEngine((engine, open) => {
        for (const vlan of [undefined, 4094]) {
          const sender = open(near, vlan, vnetHeader);
          const receiver = open(far, vlan);
          engine.receive(0);
          const after = transmit(engine, sender, superSegment);
          const [frame, ...others] = collect(engine, 1);
          assert.equal(after(), new Uint8Array([...superSegment.vnet, ...superSegment.bytes]));
          assert.equal([frame!.port, others], [receiver, []]);
          const { bytes, vnet } = frame!.wire;
          assert.equal(bytes, superSegment.bytes);
          const parsed = parseFrame(bytes, vnet);
          assert.equal([parsed.isPartial, parsed.gsoSize], [true, 1_400]);
        }
      }),
    );
  }

  test(
    `${name}: a bare receiver sees the tag in its place, and the checksum still left to it`,
    withEngine((engine, open) => {
      const sender = open(near, 77);
      // tx-vlan-offload puts the tag beside the frame; without it, it would stand inside.
      const bare = openPacketSocket(far, { vnetHeader: 'auto' });
      engine.attach(7, { fd: bare.fd, vnetHeaderBytes: bare.vnetHeaderBytes, maxFrameBytes: 65_549 });
      engine.receive(0);
      transmit(engine, sender, superSegment)();
      const [frame] = collect(engine, 1);
      assert.equal(frame!.wire.bytes, superSegment.bytes);
      const view = new DataView(frame!.wire.vnet.buffer);
      assert.is(virtio.csumStart(view, 12), 34, 'the kernel has taken the four bytes of tag off again');
      closeDescriptor(bare.fd);
    }),
  );

  test(
    `${name}: frames to the interface's own address are the kernel's`,
    withEngine((engine, open) => {
      const sender = open(near, undefined);
      open(far, undefined);
      engine.receive(0);
      const { mac } = readLinkState(far)!;
      transmit(engine, sender, {
        ...small,
        bytes: ethernetFrame({ ...WAY, toMac: mac, padTo: 60 }, countingBytes(40), 0x88b5),
      })();
      assert.equal(collect(engine, 0), []);
    }),
  );

  test(
    `${name}: an interface that goes down and up again costs no port`,
    withEngine((engine, open) => {
      const sender = open(near, 100);
      const receiver = open(far, 100);
      for (let i = 0; i < 20; i++) {
        execFileSync('ip', ['link', 'set', near, 'down']);
        engine.receive(0);
        transmit(engine, sender, small)();
        engine.receive(0);
        execFileSync('ip', ['link', 'set', near, 'up']);
      }
      waitForLink(near, 'UP');
      assert.is(engine.gonePorts, 0);
      assert.ok(engine.counters.readErrors > 0 && engine.counters.writeErrors > 0);
      collect(engine, 0);
      transmit(engine, sender, small)();
      assert.equal(
        collect(engine, 1).map(({ port }) => port),
        [receiver],
      );
    }),
  );
}

type Open = (device: string, vlan: number | undefined, vnetHeader?: 'auto' | 10 | 0) => number;

test('frames for which the kernel has no room are counted', () => {
  const engine = new SyscallEngine({ maxPorts: 1, slots: 256, busyPollUs: 0 });
  const [sender, receiver] = [near, far].map((name) => openUplinkSocket(name, undefined));
  engine.attach(0, sender!.device);
  assert.is(receiver!.takeLostFrames(), 0);
  for (let i = 0; i < 4_000; i++) transmit(engine, 0, superSegment)();
  assert.is(engine.counters.writeErrors + engine.counters.writeQueueFull, 0);
  assert.ok(receiver!.takeLostFrames() > 0);
  assert.is(receiver!.takeLostFrames(), 0);
  engine.close();
  for (const socket of [sender!, receiver!]) socket.close();
});

test('VLANs that cannot be are refused', () => {
  for (const vlan of [0, 4095, 1.5])
    assert.throws(() => openUplinkSocket(near, vlan), new RegExp(`VLAN ${vlan}, expected 1 to 4094`));
});

test('the state of a link', () => {
  const { isUp, isRunning, mtu, mac, index } = readLinkState(near)!;
  assert.equal([isUp, isRunning, mtu], [true, true, 1500]);
  assert.match(mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  assert.is(index, Number(execFileSync('cat', [`/sys/class/net/${near}/ifindex`])));
  execFileSync('ip', ['link', 'set', far, 'down']);
  waitForLink(near, 'LOWERLAYERDOWN');
  assert.equal([readLinkState(near)!.isUp, readLinkState(near)!.isRunning], [true, false]);
  execFileSync('ip', ['link', 'set', far, 'up']);
  waitForLink(near, 'UP');
  assert.is(readLinkState('slabsent0'), null);
});

test.run();
