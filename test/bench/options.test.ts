import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Options, parseOptions, UsageError } from './options.ts';

const options = suite('bench options');

const parsed = (...argv: string[]): Options => {
  const found = parseOptions(argv);
  if (found === 'help') throw new Error('unexpected help');
  return found;
};

options('five rounds of three seconds of everything, when nothing is said', () => {
  assert.equal(parsed(), {
    rounds: 5,
    seconds: 3,
    columns: ['sluice', 'bare', 'ovs', 'kernel'],
    tools: ['tcp1', 'tcp4', 'udp64', 'rtt', 'conn'],
    memory: true,
    micro: true,
    against: null,
    unmeasured: false,
    quick: false,
    engine: 'auto',
    busyPollUs: 50,
    json: 'dist/bench.json',
    clean: false,
  });
});

options('--quick shortens what is not said otherwise', () => {
  const { rounds, seconds, quick } = parsed('--quick', '--rounds', '2');
  assert.equal({ rounds, seconds, quick }, { rounds: 2, seconds: 1, quick: true });
});

options('choices keep the printing order; none chooses nothing', () => {
  const chosen = parsed('--columns', 'kernel,sluice', '--rows', 'udp64,memory', '--no-micro');
  assert.equal(chosen.columns, ['sluice', 'kernel']);
  assert.equal(chosen.tools, ['udp64']);
  assert.ok(chosen.memory);
  assert.not(chosen.micro);
  assert.equal(parsed('--rows', 'none').tools, []);
});

options('Sluice otherwise is a column when asked for, beside those that are chosen', () => {
  const { columns, against } = parsed('--against', 'v1', '--columns', 'kernel,sluice');
  assert.equal({ columns, against }, { columns: ['sluice', 'before', 'kernel'], against: 'v1' });
  const unmeasured = parsed('--unmeasured', '--columns', 'sluice');
  assert.equal(unmeasured.columns, ['sluice', 'unmeasured']);
  assert.ok(unmeasured.unmeasured);
  assert.equal(parsed('--unmeasured').columns, ['sluice', 'unmeasured', 'bare', 'ovs', 'kernel']);
});

options('what is wrong is said with what was found and what was expected', () => {
  const wrong: [string[], RegExp][] = [
    [['--rounds', '0'], /--rounds: found "0", expected a whole number from 1 to 1000/],
    [['--seconds', '1.5'], /--seconds: found "1.5"/],
    [['--columns', 'sluice,linux'], /--columns: found "linux", expected one of sluice, bare, ovs, kernel/],
    [['--columns', 'sluice,before'], /--columns: found "before", expected one of sluice, bare, ovs, kernel/],
    [['--columns', 'bare', '--unmeasured'], /--columns: found no sluice, expected it beside --unmeasured/],
    [['--unmeasured', '--against', 'HEAD~3'], /found --against and --unmeasured, expected one of them/],
    [['--against'], /--against/],
    [['--engine', 'none'], /--engine: found "none", expected one of auto, uring, syscall/],
    [['--rowz', 'x'], /--rowz/],
    [['extra'], /extra/],
  ];
  for (const [argv, message] of wrong) {
    try {
      parseOptions(argv);
      assert.unreachable(`${argv.join(' ')} was accepted`);
    } catch (error) {
      assert.instance(error, UsageError);
      assert.match((error as Error).message, message);
    }
  }
});

options.run();
