/** Growth and shrinkage: thresholds, patience, bounds. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScalingConfig } from '../../src/policy/policy-config.ts';
import {
  decideScaling,
  INITIAL_SCALING_STATE,
  type ScalingDecision,
  type ScalingUnit,
} from '../../src/policy/scaling.ts';
import { check } from '../support/seed.ts';

const scaling = suite('scaling');

const settings: ScalingConfig = {
  template: 'app',
  metric: 'active-flows',
  average: { above: 100, below: 20 },
  single: { above: 300, below: 2 },
  minimum: 2,
  maximum: 5,
  step: 1,
  sustainMs: 3_000,
  coolDownMs: 30_000,
  drainDeadlineMs: 300_000,
};

const units = (...loads: number[]): ScalingUnit[] =>
  loads.map((activeFlows, i) => ({
    name: `app${i + 1}`,
    state: 'active',
    isVm: true,
    activeFlows,
    newFlowsPerSecond: 0,
    bytesPerSecond: 0,
    ageMs: 0,
    sinceMs: 1e6 - i,
  }));

const withOne = (all: readonly ScalingUnit[], place: number, more: Partial<ScalingUnit>): ScalingUnit[] =>
  all.map((unit, i) => (i === place ? { ...unit, ...more } : unit));

/** Decides second by second; what is decided is not carried out. */
class Bed {
  private readonly config: ScalingConfig;
  private state = INITIAL_SCALING_STATE;

  constructor(more: Partial<ScalingConfig> = {}) {
    this.config = { ...settings, ...more };
  }

  at(second: number, units: readonly ScalingUnit[], starting = 0): ScalingDecision {
    const { decision, state } = decideScaling(this.config, this.state, {
      nowMs: second * 1_000,
      units,
      starting,
    });
    this.state = state;
    return decision;
  }

  /** The decision after loads have lasted. */
  lasting(units: readonly ScalingUnit[], starting = 0): ScalingDecision {
    assert.equal(summary(this.at(100, units, starting)), '');
    return this.at(103, units, starting);
  }
}

const summary = ({ reactivate, add, drain }: ScalingDecision): string =>
  [
    ...reactivate.map((name) => `back ${name}`),
    ...(add > 0 ? [`add ${add}`] : []),
    ...drain.map((name) => `drain ${name}`),
  ].join(', ');

scaling('the load must be over the threshold for long enough, without a break', () => {
  const bed = new Bed();
  const seen = [150, 150, 150, 90, 150, 150, 150, 150].map((load, second) =>
    summary(bed.at(second, units(load, load))),
  );
  assert.equal(seen, ['', '', '', '', '', '', '', 'add 1']);
});

scaling('a single one over its threshold is enough; the reason says which', () => {
  const decision = new Bed().lasting(units(10, 301, 10, 10));
  assert.is(summary(decision), 'add 1');
  assert.is(decision.reason, 'active-flows 301 of app2, over 300');
});

scaling('from one change to the next the group cools down', () => {
  const bed = new Bed();
  assert.is(summary(bed.lasting(units(200, 200))), 'add 1');
  for (let second = 104; second < 133; second++) assert.is(summary(bed.at(second, units(200, 200))), '');
  assert.is(summary(bed.at(133, units(200, 200))), 'add 1');
});

scaling('a VM that is starting counts, against the average and the maximum', () => {
  assert.is(summary(new Bed().lasting(units(140, 140), 1)), '');
  assert.is(summary(new Bed({ step: 3 }).lasting(units(400, 400, 400))), 'add 2');
  assert.is(summary(new Bed().lasting(units(400, 400, 400, 400), 1)), '');
});

scaling('draining ones come back before new ones are made, the most loaded first', () => {
  const all = withOne(withOne(units(400, 400, 5, 9), 2, { state: 'draining' }), 3, { state: 'draining' });
  assert.is(summary(new Bed().lasting(all)), 'back app4');
  assert.is(summary(new Bed({ step: 3 }).lasting(all)), 'back app4, back app3, add 1');
});

scaling('under the minimum: at once, whatever the load; failed ones are replaced', () => {
  assert.is(summary(new Bed().at(0, [])), 'add 2');
  assert.is(summary(new Bed().at(0, withOne(units(1, 1), 0, { state: 'failed' }))), 'add 1');
  assert.is(summary(new Bed().at(0, withOne(units(1, 1), 0, { state: 'failed' }), 1)), '');
  const [unknown] = units(0).map((unit) => ({ ...unit, ageMs: Infinity }));
  assert.is(summary(new Bed().at(0, [unknown!])), 'add 1');
});

scaling('over the maximum: the least loaded go at once', () => {
  assert.is(summary(new Bed().at(0, units(50, 40, 90, 90, 90, 90, 90))), 'drain app2, drain app1');
});

scaling('little load: the least loaded is drained; of equals the youngest; never under the minimum', () => {
  assert.is(summary(new Bed().lasting(units(10, 9, 12))), 'drain app2');
  assert.is(summary(new Bed().lasting(units(10, 10, 10))), 'drain app3');
  assert.is(summary(new Bed().lasting(units(10, 10))), '');
});

scaling('an idle one goes, if the others can carry its load', () => {
  const decision = new Bed().lasting(units(90, 1, 90));
  assert.is(summary(decision), '');
  assert.is(summary(new Bed().lasting(units(70, 1, 70))), 'drain app2');
});

scaling('only VMs are drained, nothing is while another is starting or draining', () => {
  assert.is(summary(new Bed().lasting(withOne(units(5, 1, 5), 1, { isVm: false }))), 'drain app3');
  assert.is(summary(new Bed().lasting(units(5, 1, 5), 1)), '');
  assert.is(summary(new Bed().lasting(withOne(units(5, 1, 5, 1), 3, { state: 'draining' }))), '');
});

scaling('old figures say nothing', () => {
  for (const load of [0, 1_000]) {
    const old = units(load, load, load).map((unit) => ({ ...unit, ageMs: 11_000 }));
    assert.is(summary(new Bed().lasting(old)), '');
  }
});

scaling('a step that would fall under the lower threshold is made smaller', () => {
  const bed = new Bed({
    minimum: 1,
    maximum: 4,
    step: 2,
    average: { above: 50, below: 18 },
    coolDownMs: 5_000,
  });
  let added = 0;
  for (let second = 0; second < 20 && added === 0; second++) added = bed.at(second, units(51)).add;
  assert.is(added, 1); // three would have 17 each
});

scaling('carried out, it settles: between the bounds, and no back and forth under any steady load', () => {
  const anyConfig = fc.record({
    minimum: fc.integer({ min: 1, max: 3 }),
    maximum: fc.integer({ min: 4, max: 9 }),
    step: fc.integer({ min: 1, max: 3 }),
    average: fc.record({
      above: fc.integer({ min: 50, max: 200 }),
      below: fc.integer({ min: 0, max: 49 }),
    }),
    single: fc.constantFrom({}, { above: 400, below: 1 }),
  });
  check(
    fc.property(anyConfig, fc.nat(3_000), fc.integer({ min: 1, max: 9 }), (config, total, first) => {
      const bed = new Bed({ ...config, coolDownMs: 5_000 });
      let count = Math.max(1, Math.min(config.maximum, first));
      const changes: number[] = [];
      for (let second = 0; second < 200; second++) {
        const { add, drain } = bed.at(second, units(...new Array<number>(count).fill(total / count)));
        if (add + drain.length > 0) changes.push(add - drain.length);
        count += add - drain.length;
        assert.ok(count <= config.maximum && (count >= config.minimum || second === 0), `${count} VMs`);
      }
      assert.ok(!(changes.some((by) => by > 0) && changes.some((by) => by < 0)) || first < config.minimum);
    }),
  );
});

scaling.run();
