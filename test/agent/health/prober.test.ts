// Rise and fall, the schedule of probes, and which members a host probes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ProbeOutcome } from '../../../src/agent/health/probe-outcome.ts';
import { probeTargets } from '../../../src/agent/health/probe-targets.ts';
import { Prober } from '../../../src/agent/health/prober.ts';
import type { ProbeTarget, Verdict } from '../../../src/agent/health/prober-protocol.ts';
import { afterProbe, UNKNOWN } from '../../../src/agent/health/rise-fall.ts';
import { parseConfiguration } from '../../../src/config/load.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { SHOP } from '../../host/configurations.ts';
import { sleep } from '../../support/host-processes.ts';

const pure = suite('rise and fall');

/** Verdicts after each of the probes, `+` or `-`: one letter each, u, h, d. */
function verdicts(probes: string, rise: number, fall: number): string {
  let state = UNKNOWN;
  return [...probes]
    .map((probe) => {
      state = afterProbe(state, probe === '+', { rise, fall });
      return { unknown: 'u', healthy: 'h', unhealthy: 'd' }[state.verdict];
    })
    .join('');
}

pure('a verdict needs its probes in a row', () => {
  assert.is(verdicts('++', 2, 3), 'uh');
  assert.is(verdicts('---', 2, 3), 'uud');
  assert.is(verdicts('++--+---++', 2, 3), 'uhhhhhhddh');
  assert.is(verdicts('+-+-+-', 2, 2), 'uuuuuu');
  assert.is(verdicts('+-+-', 1, 1), 'hdhd');
});

pure('against a plain count of the last probes', () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  for (let round = 0; round < 200; round++) {
    const rise = 1 + Math.floor(random() * 5);
    const fall = 1 + Math.floor(random() * 5);
    const probes = Array.from({ length: 60 }, () => (random() < 0.6 ? '+' : '-')).join('');
    let expected = 'u';
    const plain = [...probes].map((_, at) => {
      const seen = probes.slice(0, at + 1);
      if (seen.endsWith('+'.repeat(rise))) expected = 'h';
      else if (seen.endsWith('-'.repeat(fall))) expected = 'd';
      return expected;
    });
    assert.is(verdicts(probes, rise, fall), plain.join(''), `rise ${rise} fall ${fall} ${probes}`);
  }
});

pure.run();

const schedule = suite('schedule of probes');

const target = (key: string, more: Partial<ProbeTarget> = {}): ProbeTarget => ({
  key,
  probe: {
    kind: 'tcp',
    address: key,
    port: 1,
    path: '/',
    expectStatus: [],
    service: '',
    payload: '',
    answer: '',
    timeoutMs: 100,
  },
  intervalMs: 100,
  rise: 2,
  fall: 2,
  ...more,
});

interface Bed {
  readonly prober: Prober;
  readonly probes: { address: string; atMs: number }[];
  readonly verdicts: Verdict[];
  readonly problems: string[];
}

function bed(answer: (address: string) => Promise<ProbeOutcome>): Bed {
  const probes: Bed['probes'] = [];
  const told: Verdict[] = [];
  const problems: string[] = [];
  const prober = new Prober({
    runtime: systemRuntime,
    probe: ({ address }) => {
      probes.push({ address, atMs: performance.now() });
      return answer(address);
    },
    askLoad: ({ address }) => Promise.resolve({ load: undefined, detail: address }),
    onVerdicts: (changed) => told.push(...changed),
    onLoads: () => {},
    onProblem: (reason) => problems.push(reason),
  });
  return { prober, probes, verdicts: told, problems };
}

const GOOD: ProbeOutcome = { isGood: true, detail: 'fine' };

schedule('targets take turns over the interval, not all at once, and at their rate', async () => {
  const { prober, probes, verdicts: told } = bed(() => Promise.resolve(GOOD));
  const keys = Array.from({ length: 200 }, (_, i) => `t${i}`);
  const startedAt = performance.now();
  prober.setTargets(keys.map((key) => target(key, { intervalMs: 500 })));
  await sleep(1_600);
  prober.stop();
  const elapsed = performance.now() - startedAt;
  const perInterval = probes.length / keys.length;
  assert.ok(perInterval > (0.7 * elapsed) / 500 && perInterval < (1.3 * elapsed) / 500 + 1, `${perInterval}`);
  const firstTenth = probes.filter(({ atMs }) => atMs - startedAt < 50).length;
  assert.ok(firstTenth < 80, `${firstTenth} of 200 in the first tenth of the interval`);
  assert.is(told.length, 200);
  assert.ok(told.every(({ isHealthy, detail }) => isHealthy && detail === 'fine'));
});

schedule('no more than 128 are under way; the others wait, and get their turn', async () => {
  let open = 0;
  let most = 0;
  const { prober, probes } = bed(async () => {
    most = Math.max(most, ++open);
    await sleep(30);
    open--;
    return GOOD;
  });
  prober.setTargets(Array.from({ length: 600 }, (_, i) => target(`t${i}`)));
  await sleep(700);
  prober.stop();
  assert.is(most, 128);
  assert.is(new Set(probes.map(({ address }) => address)).size, 600);
});

schedule(
  'a target that is given again keeps its verdict; another one starts anew; a dropped one is silent',
  async () => {
    const { prober, verdicts: told } = bed(() => Promise.resolve(GOOD));
    const targets = [target('a', { intervalMs: 20 }), target('b', { intervalMs: 20 })];
    prober.setTargets(targets);
    await sleep(300);
    assert.equal(told.map(({ key }) => key).sort(), ['a', 'b']);
    prober.setTargets(targets.map((given) => ({ ...given })));
    await sleep(200);
    assert.is(told.length, 2);
    prober.setTargets([{ ...targets[0]!, rise: 3 }]);
    await sleep(300);
    prober.stop();
    assert.equal(
      told.slice(2).map(({ key }) => key),
      ['a'],
    );
  },
);

schedule('a probe that cannot be made is told once, and is nobody’s failure', async () => {
  const {
    prober,
    verdicts: told,
    problems,
    probes,
  } = bed(() => Promise.resolve({ isGood: undefined, detail: 'no raw sockets here' }));
  prober.setTargets([target('a', { intervalMs: 20 })]);
  await sleep(300);
  prober.stop();
  assert.ok(probes.length > 5);
  assert.equal(told, []);
  assert.equal(problems, ['a cannot be probed: no raw sockets here']);
});

schedule(
  'an agent’s word counts at once; one that is silent fails like others, and drains until then',
  async () => {
    const answers: ProbeOutcome[] = [
      { isGood: true, detail: '', said: { service: 'up' } },
      { isGood: true, detail: '', said: { admin: 'drain' } },
      { isGood: false, detail: 'silent' },
      { isGood: true, detail: '', said: { percent: 50 } },
      { isGood: false, detail: 'silent' },
      { isGood: false, detail: 'silent' },
      { isGood: true, detail: '', said: { admin: 'ready' } },
      { isGood: true, detail: '', said: { service: 'down', reason: 'disk full' } },
    ];
    const { prober, verdicts: told } = bed(() =>
      Promise.resolve(answers.shift() ?? { isGood: true, detail: '', said: { service: 'down' } }),
    );
    prober.setTargets([target('a', { intervalMs: 20, fall: 2, rise: 5 })]);
    for (const end = Date.now() + 20_000; told.length < 5 && Date.now() < end; ) await sleep(10);
    prober.stop();
    assert.equal(
      told.map(({ isHealthy, isDraining = false, detail }) => [isHealthy, isDraining, detail]),
      [
        [true, false, 'its agent says up'],
        [false, true, 'its agent says drain'],
        [false, false, 'silent'],
        [true, false, 'its agent says up'],
        [false, false, 'its agent says down (disk full)'],
      ],
    );
  },
);

schedule.run();

const targets = suite('who is probed');

const HEALTH = 'health: { kind: http, path: /ok, interval: 2s }';

targets('members of groups that the host’s ports send to, at the port that is theirs', () => {
  const checked = SHOP.replace('    port: 80\n', `    port: 80\n    ${HEALTH}\n`);
  const found = probeTargets(parseConfiguration(checked)).get('app')!.checks;
  const ports = found.map(({ member, probe }) => `${member} ${probe.address} ${probe.port} ${probe.path}`);
  assert.equal(ports, ['app1 10.1.0.21 8080 /ok', 'app2 10.1.0.22 8080 /ok', 'six fd00:1::21 8080 /ok']);
  assert.is(found[0]!.intervalMs, 2_000);
  assert.is(
    probeTargets(
      parseConfiguration(
        checked
          .replaceAll('tier: web }', 'tier: www }')
          .replace('from: { tier: www }', 'from: { tier: web }'),
      ),
    ).size,
    0,
  );
  assert.is(probeTargets(parseConfiguration(SHOP)).size, 0);
});

targets.run();
