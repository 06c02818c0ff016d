import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { logLogPlot } from './plot.ts';

const test = suite('scale: plot');

test('a figure that grows like the size rises by a decade for each, and one that stays is level', () => {
  const sizes = [1, 10, 100];
  const svg = logLogPlot(
    [
      { name: 'grows', points: sizes.map((size) => [size, size]) },
      { name: 'stays', points: sizes.map((size) => [size, 10]) },
    ],
    'groups',
    'ms',
  );
  const [grows, stays] = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map(([, points]) =>
    points!.split(' ').map((point) => Number(point.split(',')[1])),
  );
  assert.ok(Math.abs(grows![0]! - grows![1]! - (grows![1]! - grows![2]!)) < 0.2);
  assert.ok(grows![2]! < grows![0]!, 'up is less in SVG');
  assert.is(new Set(stays).size, 1);
});

test.run();
