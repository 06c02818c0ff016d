/** Weights by hand for the load balancer of one port, over whatever else there is. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { planLoadBalancers } from '../../../src/config/model/load-balancer-plan.ts';
import type { Configuration } from '../../../src/config/model/model.ts';
import { HandWeights } from '../../../src/host/publishing/hand-weights.ts';
import type { GroupWeights } from '../../../src/host/publishing/weights.ts';
import { shop, withMember } from '../configurations.ts';

const test = suite('weights by hand');

const byHand = (): Configuration => withMember(shop(), 'api', 'app1', { weightsByPort: { web1: 9 } });
const planOf = (configuration: Configuration, port: string) =>
  planLoadBalancers(configuration).find(({ name }) => name === port)!;

const EVERY_TIME = '/';
const plain = (weights: GroupWeights | undefined, group: string) =>
  Object.fromEntries([...weights!.get(group)!].map(([set, ofSet]) => [set, Object.fromEntries(ofSet)]));

test('the load balancer of that port has them, others have none, and nothing is touched without any', () => {
  const configuration = byHand();
  const weights = new HandWeights();
  weights.begin(configuration.groups);
  assert.equal(plain(weights.over(planOf(configuration, 'web1'), undefined), 'api'), {
    [EVERY_TIME]: { app1: 9 },
  });
  assert.is(weights.over(planOf(configuration, 'web2'), undefined), undefined);
  const computed: GroupWeights = new Map();
  weights.begin(shop().groups);
  assert.is(weights.over(planOf(shop(), 'web1'), computed), computed);
});

test('a policy goes on for the other members, and for other groups', () => {
  const configuration = byHand();
  const computed: GroupWeights = new Map([
    [
      'api',
      new Map([
        [
          EVERY_TIME,
          new Map([
            ['app1', 4],
            ['app2', 5],
          ]),
        ],
      ]),
    ],
    ['night', new Map([[EVERY_TIME, new Map([['app1', 7]])]])],
  ]);
  const weights = new HandWeights();
  weights.begin(configuration.groups);
  const merged = weights.over(planOf(configuration, 'web1'), computed);
  assert.equal(plain(merged, 'api'), { [EVERY_TIME]: { app1: 9, app2: 5 } });
  assert.is(merged!.get('night'), computed.get('night'));
});

test('what has not changed stays the same object, so that nothing is compiled again', () => {
  const configuration = byHand();
  const weights = new HandWeights();
  const build = (computed?: GroupWeights) => {
    weights.begin(configuration.groups);
    return weights.over(planOf(configuration, 'web1'), computed);
  };
  const first = build();
  assert.is(build(), first);
  assert.is.not(build(new Map()), first);
});

test.run();
