import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeDescriptor, createEvent, signalEvent } from '../../../src/native/libc.ts';
import { mapAnonymous } from '../../../src/native/memory.ts';
import { ECANCELED, ENOBUFS } from '../../../src/native/system-error.ts';
import { BufferRing } from '../../../src/native/uring/buffer-ring.ts';
import { IoUring, probeIoUring } from '../../../src/native/uring/io-uring.ts';
import {
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_FIXED_FILE,
} from '../../../src/native/uring/io-uring-abi.ts';

const test = suite('io_uring');

const withRing = (body: (uring: IoUring) => void) => () => {
  const uring = new IoUring({ submissionEntries: 8, completionEntries: 16 });
  try {
    body(uring);
  } finally {
    uring.close();
  }
};

/** All completions that are in, as [tag, result, flags]. */
function completions(uring: IoUring): number[][] {
  const all: number[][] = [];
  while (uring.next()) all.push([uring.tag, uring.result, uring.flags]);
  uring.releaseCompletions();
  return all;
}

test('this kernel passes the probe', () => {
  assert.is(probeIoUring(), null);
});

test(
  'a tag of 32 bits comes back',
  withRing((uring) => {
    const event = createEvent();
    signalEvent(event);
    const memory = mapAnonymous(64);
    uring.prepareRead(0, event, memory, 0, 8, -2);
    assert.is(uring.pendingSubmissions, 1);
    assert.is(uring.enter(1_000_000), 1);
    assert.is(uring.pendingSubmissions, 0);
    assert.equal(completions(uring), [[-2, 8, 0]]);
    assert.is(new Int32Array(memory.bytes)[0], 1);
    closeDescriptor(event);
  }),
);

test(
  'more rounds than either queue has entries',
  withRing((uring) => {
    const event = createEvent();
    const memory = mapAnonymous(64);
    for (let round = 0; round < 100; round++) {
      new Int32Array(memory.bytes)[0] = 1;
      uring.prepareWrite(0, event, memory, 0, 8, 1);
      uring.prepareRead(0, event, memory, 8, 8, 2);
      uring.enter(0);
      assert.equal(completions(uring), [
        [1, 8, 0],
        [2, 8, 0],
      ]);
    }
    closeDescriptor(event);
  }),
);

test(
  'a full submission queue and ranges outside of the mapping are refused',
  withRing((uring) => {
    const memory = mapAnonymous(64);
    for (let i = 0; i < 8; i++) uring.prepareCancel(i, 0);
    assert.is(uring.submissionSpace, 0);
    assert.throws(() => uring.prepareCancel(9, 0), /submission queue full/);
    uring.enter(0);
    assert.throws(() => uring.prepareRead(0, 0, memory, 60, 8, 0), /of a mapping/);
    assert.throws(() => uring.prepareWritev(0, 0, memory, 48, 2, 0), /of a mapping/);
    assert.is(uring.submissionSpace, 8);
    assert.throws(() => new IoUring({ submissionEntries: 7, completionEntries: 16 }), /power of two/);
  }),
);

test(
  'a wait ends at its timeout, or at once when work is there; hasWork tells without a call',
  withRing((uring) => {
    const event = createEvent();
    const memory = mapAnonymous(64);
    uring.prepareRead(0, event, memory, 0, 8, 5);
    const start = performance.now();
    uring.enter(20_000);
    assert.ok(performance.now() - start >= 19);
    assert.equal(completions(uring), []);
    assert.is(uring.hasWork(), false);
    signalEvent(event);
    assert.is(uring.hasWork(), true);
    uring.enter(5_000_000);
    assert.ok(performance.now() - start < 4000);
    assert.equal(completions(uring), [[5, 8, 0]]);
    closeDescriptor(event);
  }),
);

test(
  'multishot reads take the buffers in order, end with ENOBUFS, start again, and are cancelled',
  withRing((uring) => {
    const event = createEvent();
    const memory = mapAnonymous(4096);
    const buffers = new BufferRing(uring, memory, 4, 3);
    for (const id of [11, 12]) buffers.add(id, id * 64, 64);
    buffers.publish();
    uring.prepareReadMultishot(0, event, 3, 1);
    uring.enter(0);
    for (const id of [11, 12]) {
      signalEvent(event);
      uring.enter(0);
      const [completion] = completions(uring);
      const flags = (id << IORING_CQE_BUFFER_SHIFT) | IORING_CQE_F_BUFFER | IORING_CQE_F_MORE;
      assert.equal(completion, [1, 8, flags]);
      assert.is(new Int32Array(memory.bytes)[id * 16], 1);
    }
    signalEvent(event);
    uring.enter(0);
    assert.equal(completions(uring), [[1, -ENOBUFS, 0]]);
    buffers.add(7, 7 * 64, 64);
    buffers.publish();
    uring.prepareReadMultishot(0, event, 3, 1);
    uring.enter(0);
    assert.is(completions(uring)[0]![2]! >>> IORING_CQE_BUFFER_SHIFT, 7);
    uring.prepareCancel(1, 2);
    uring.enter(0);
    assert.equal(completions(uring), [[1, -ECANCELED, 0]]);
    assert.throws(() => buffers.add(0, 4090, 64), /of a mapping/);
    closeDescriptor(event);
  }),
);

test(
  'registered files stand for descriptors; success can be silent',
  withRing((uring) => {
    const event = createEvent();
    const memory = mapAnonymous(64);
    new Int32Array(memory.bytes)[0] = 3;
    uring.registerFileTable(4);
    uring.setFile(2, event);
    uring.prepareWrite(IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS, 2, memory, 0, 8, 1);
    uring.enter(0);
    assert.equal(completions(uring), []);
    uring.prepareRead(IOSQE_FIXED_FILE, 2, memory, 8, 8, 2);
    uring.enter(0);
    assert.equal(completions(uring), [[2, 8, 0]]);
    assert.is(new Int32Array(memory.bytes)[2], 3);
    uring.setFile(2, -1);
    uring.prepareWrite(IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS, 2, memory, 0, 8, 3);
    uring.enter(0);
    assert.equal(completions(uring), [[3, -9, 0]]);
    assert.throws(() => uring.setFile(4, event), /IORING_REGISTER_FILES_UPDATE 4: EINVAL/);
    closeDescriptor(event);
  }),
);

test.run();
