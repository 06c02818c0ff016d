import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FlapDamping } from '../../../src/controller/health/flap-damping.ts';
import { check } from '../../support/seed.ts';

const test = suite('flap damping');

const CONFIG = { halfLifeMs: 15_000, suppress: 4, reuse: 1, maxHoldMs: 60_000 };
const judge = (damping: FlapDamping, isFailed: boolean, nowMs: number, wasHeld = false): boolean =>
  damping.judge('a', isFailed, wasHeld, nowMs, CONFIG);

test('a member that fails now and then comes back each time', () => {
  const damping = new FlapDamping();
  for (let minute = 0; minute < 60; minute++) {
    assert.not(judge(damping, true, minute * 60_000));
    assert.not(judge(damping, false, minute * 60_000 + 5_000));
  }
});

test('one that flaps is held from its fifth failure on, and comes back when it has been healthy for a while', () => {
  const damping = new FlapDamping();
  const held: boolean[] = [];
  let nowMs = 0;
  for (let flap = 0; flap < 100; flap++) {
    held.push(judge(damping, true, nowMs));
    judge(damping, false, nowMs + 200);
    nowMs += 400;
  }
  assert.is(held.indexOf(true), 4);
  assert.not(held.slice(4).includes(false), 'and does not come back while it flaps');
  const saidMs = damping.heldForMs('a', nowMs, CONFIG)!;
  assert.ok(saidMs > 0 && saidMs <= CONFIG.maxHoldMs, `${saidMs}`);
  assert.ok(judge(damping, false, nowMs + saidMs - 50));
  assert.not(judge(damping, false, nowMs + saidMs + 50));
  assert.is(damping.heldForMs('a', nowMs + saidMs + 50, CONFIG), undefined);
});

test('one that stays dead after it has flapped is just failed, some time later', () => {
  const damping = new FlapDamping();
  let nowMs = 0;
  for (let flap = 0; flap < 10; flap++) {
    judge(damping, false, nowMs);
    judge(damping, true, nowMs + 200);
    nowMs += 400;
  }
  assert.ok(judge(damping, true, nowMs + 1_000));
  assert.not(judge(damping, true, nowMs + 120_000));
});

test('the next leader goes on holding what it finds held', () => {
  const damping = new FlapDamping();
  assert.ok(judge(damping, false, 0, true));
  assert.ok(judge(damping, false, 20_000, true));
  assert.not(judge(damping, false, 31_000, true));
});

test('whatever it has done, a member that stays healthy is back after maxHold at the latest', () => {
  check(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20_000)), { maxLength: 60 }), (steps) => {
      const damping = new FlapDamping();
      let nowMs = 0;
      for (const [isFailed, pauseMs] of steps) {
        nowMs += pauseMs;
        judge(damping, isFailed, nowMs);
      }
      judge(damping, false, nowMs);
      assert.not(judge(damping, false, nowMs + CONFIG.maxHoldMs + 1));
    }),
  );
});

test.run();
