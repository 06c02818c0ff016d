import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeDescriptor, readBytes, writeBytes } from '../../../src/native/libc.ts';
import { mapAnonymous } from '../../../src/native/memory.ts';
import { openPacketSocket } from '../../../src/native/network/packet-socket.ts';
import { EAGAIN } from '../../../src/native/system-error.ts';
import { addVethPair } from '../../support/veth.ts';

const test = suite('packet socket');

const id = process.pid.toString(36);
const [left, right] = [`sla${id}`, `slb${id}`];

test.before(() => addVethPair(left, right));
test.after(() => {
  execFileSync('ip', ['link', 'del', left]);
});

for (const vnetHeader of ['auto', 10, 0] as const) {
  test(`a frame crosses a veth pair, vnet header ${vnetHeader}`, () => {
    const [from, to] = [left, right].map((name) => openPacketSocket(name, { vnetHeader }));
    const header = from!.vnetHeaderBytes;
    if (vnetHeader !== 'auto') assert.is(header, vnetHeader);
    const memory = mapAnonymous(8192);
    const bytes = Buffer.from(memory.bytes);
    // To a MAC address that is neither end's: seen because the socket is promiscuous.
    bytes.write('020000000002020000000001', header, 'hex');
    bytes.writeUInt16BE(0x88b5, header + 12);
    bytes.fill(0x5a, header + 14, header + 60);
    // A veth may lose a frame: the kernel's queue of received frames (netdev_max_backlog) belongs to the whole machine.
    let count = -EAGAIN;
    for (let attempt = 0; count === -EAGAIN && attempt < 20; attempt++) {
      assert.is(writeBytes(from!.fd, memory, 0, header + 60), header + 60);
      const end = Date.now() + 500;
      do count = readBytes(to!.fd, memory, 4096, 4096);
      while (count === -EAGAIN && Date.now() < end);
    }
    assert.is(count, header + 60);
    assert.equal(bytes.subarray(4096 + header, 4096 + header + 60), bytes.subarray(header, header + 60));
    // What we sent ourselves is not received.
    assert.is(readBytes(from!.fd, memory, 4096, 4096), -EAGAIN);
    closeDescriptor(from!.fd);
    closeDescriptor(to!.fd);
  });
}

test('an interface that does not exist is an error that names it', () => {
  assert.throws(() => openPacketSocket('slabsent0'), /if_nametoindex slabsent0: ENODEV \(no such device\)/);
});

test.run();
