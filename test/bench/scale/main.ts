/** What the size of a configuration, and the number of flows, cost where nothing happens (scripts/scale.sh): series of sizes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CHECKOUT } from '../../support/paths.ts';
import { type Figures, measure, type SizeWithFlows } from './measure.ts';
import { logLogPlot } from './plot.ts';

/** Ports × groups × members, and flows. */
const SERIES = {
  ports: ['10x1x10', '30x1x10', '100x1x10', '300x1x10', '1000x1x10'],
  groups: ['10x10x10', '10x100x10', '10x1000x10', '10x10000x10'],
  members: ['10x10x2', '10x10x20', '10x10x200', '10x10x2000', '10x1x10000'],
  flows: ['10x100x10+1000', '10x100x10+10000', '10x100x10+100000', '10x100x10+1000000'],
} as const;
/** What throughput is compared with. */
const ONE_GROUP: SizeWithFlows = { ports: 10, groups: 1, members: 10, flows: 0 };

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string' },
    series: { type: 'string' },
    policy: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '5' },
    json: { type: 'string', default: join(CHECKOUT, 'dist/scale.json') },
    svg: { type: 'string', default: join(CHECKOUT, 'dist/scale.svg') },
  },
});

function sizeOf(text: string): SizeWithFlows {
  const found = /^(\d+)x(\d+)x(\d+)(?:\+(\d+))?$/.exec(text);
  if (found === null)
    throw new Error(`size: found ${text}, expected PORTSxGROUPSxMEMBERS or PORTSxGROUPSxMEMBERS+FLOWS`);
  const [ports, groups, members, flows = 0] = found.slice(1).map((number) => Number(number ?? 0));
  return { ports: ports!, groups: groups!, members: members!, flows };
}

const COLUMNS: readonly (readonly [title: string, cell: (figures: Figures, ratio: number) => string])[] = [
  ['Ports × groups × members', ({ ports, groups, members }) => `${ports} × ${groups} × ${members}`],
  ['flows', ({ flows }) => String(flows)],
  ['`config check`', ({ checkMs }) => `${checkMs} ms`],
  ['`up`', ({ upMs }) => `${upMs} ms`],
  ['CPU at rest, cores', ({ restCores }) => restCores.toFixed(3)],
  ['Resident', ({ residentMiB }) => `${residentMiB} MB`],
  ['`member weight`', ({ weightMs }) => `${weightMs} ms`],
  ['its CPU', ({ weightCpuMs }) => `${weightCpuMs} ms`],
  ['worst ping', ({ weightPingMs }) => pingText(weightPingMs)],
  ['`reload`', ({ reloadMs }) => `${reloadMs} ms`],
  ['worst ping', ({ reloadPingMs }) => pingText(reloadPingMs)],
  ['TCP, Gbit/s', ({ gigabits }) => gigabits.toFixed(1)],
  ['÷ one group', (_, ratio) => ratio.toFixed(2)],
  ['`down`', ({ downMs }) => `${downMs} ms`],
];

const pingText = (ms: number): string => (Number.isFinite(ms) ? `${ms} ms` : 'lost');
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;

/** Figures that are plotted, each over all series. */
const PLOTTED = ['upMs', 'weightMs', 'reloadMs', 'residentMiB'] as const;

async function main(): Promise<void> {
  const chosen = options.series?.split(',') ?? Object.keys(SERIES);
  const series: Record<string, readonly string[]> =
    options.sizes === undefined
      ? Object.fromEntries(Object.entries(SERIES).filter(([name]) => chosen.includes(name)))
      : { sizes: options.sizes.split(',') };
  const settings = { policy: options.policy, seconds: Number(options.seconds) };
  const all: Record<string, Figures[]> = {};
  const [, , load] = readFileSync('/proc/loadavg', 'utf8').split(' ');
  process.stdout.write(`load before (15 min): ${load}\n\n`);
  const { gigabits } = await measure(ONE_GROUP, settings);
  process.stdout.write(`one group: ${gigabits.toFixed(1)} Gbit/s\n\n`);
  process.stdout.write(row(COLUMNS.map(([title]) => title)) + row(COLUMNS.map(() => '---')));
  for (const [name, sizes] of Object.entries(series)) {
    all[name] = [];
    for (const size of sizes.map(sizeOf)) {
      const figures = await measure(size, settings);
      all[name].push(figures);
      process.stdout.write(row(COLUMNS.map(([, cell]) => cell(figures, figures.gigabits / gigabits))));
      writeFileSync(options.json, `${JSON.stringify({ oneGroup: { gigabits }, ...all }, null, 2)}\n`);
    }
  }
  /** Along the axis that the series is about. */
  const along = (name: string, figures: Figures): number =>
    name === 'sizes'
      ? figures.ports * figures.groups * figures.members
      : figures[name as keyof SizeWithFlows];
  const lines = PLOTTED.flatMap((figure) =>
    Object.entries(all).map(([name, list]) => ({
      name: `${figure.replace(/Ms$/, ', ms').replace('MiB', ', MB')}: ${name}`,
      points: list.map((figures): [number, number] => [
        Math.max(1, along(name, figures)),
        Math.max(1, figures[figure]),
      ]),
    })),
  );
  writeFileSync(options.svg, logLogPlot(lines, 'ports, groups, members or flows', 'milliseconds or MB'));
}

await main();
