/** Latencies by percentile as SVG: a panel per scenario, a line per policy; both axes logarithmic, the percentiles by what is left. */
import { type BalanceResult, PERCENTS, type PolicyName, SCENARIOS, type Scenario } from './measure.ts';

const PANEL = { width: 400, height: 260, left: 56, top: 44, gap: 24 };
const PANEL_STEP = PANEL.width + PANEL.left + PANEL.gap;
const COLORS: Record<PolicyName, string> = { even: '#c2410c', 'latency-aware': '#1d4ed8' };
const LABELS: Record<PolicyName, string> = { even: 'weighted round robin', 'latency-aware': 'latency-aware' };
const TITLES: Record<Scenario, string> = {
  slowed: 'one of five servers ten times slower',
  equal: 'five equal servers',
};
const X_TICKS = [0, 50, 90, 99, 99.9];
const Y_TICKS = [1, 10, 100, 1000, 10_000];

export function plot(results: readonly BalanceResult[]): string {
  const latencies = results.flatMap(({ percentilesMs }) => percentilesMs.slice(1));
  const scale = { least: Math.min(...latencies) / 1.2, most: Math.max(...latencies) * 1.2 };
  const width = SCENARIOS.length * PANEL_STEP + PANEL.gap;
  const height = PANEL.top + PANEL.height + 48;
  const panels = SCENARIOS.map((scenario, i) => panel(scenario, i, results, scale));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...panels.flat(),
    '</svg>',
    '',
  ].join('\n');
}

interface Scale {
  readonly least: number;
  readonly most: number;
}

/** The share that is slower, on a logarithmic axis: 0 % at 0, 99.9 % at 1. */
const xOf = (percent: number): number => (-Math.log10(1 - percent / 100) / 3) * PANEL.width;
const yOf = (ms: number, { least, most }: Scale): number =>
  PANEL.height * (1 - Math.log(Math.max(ms, least) / least) / Math.log(most / least));

function panel(scenario: Scenario, at: number, results: readonly BalanceResult[], scale: Scale): string[] {
  const ticks = Y_TICKS.filter((ms) => ms >= scale.least && ms <= scale.most);
  const own = results.filter((result) => result.scenario === scenario);
  return [
    `<g transform="translate(${PANEL.left + at * PANEL_STEP} ${PANEL.top})">`,
    `<text x="${PANEL.width / 2}" y="-16" text-anchor="middle" font-size="14">${TITLES[scenario]}</text>`,
    ...X_TICKS.flatMap((percent) => [
      `<path d="M${px(xOf(percent))} 0V${PANEL.height}" stroke="#ddd"/>`,
      `<text x="${px(xOf(percent))}" y="${PANEL.height + 18}" text-anchor="middle">p${percent}</text>`,
    ]),
    ...ticks.flatMap((ms) => [
      `<path d="M0 ${px(yOf(ms, scale))}H${PANEL.width}" stroke="#ddd"/>`,
      `<text x="-6" y="${px(yOf(ms, scale) + 4)}" text-anchor="end">${ms} ms</text>`,
    ]),
    `<rect width="${PANEL.width}" height="${PANEL.height}" fill="none" stroke="#888"/>`,
    ...own.flatMap((result, i) => line(result, i, scale)),
    '</g>',
  ];
}

function line({ policy, percentilesMs }: BalanceResult, at: number, scale: Scale): string[] {
  const points = PERCENTS.map((percent, i) => `${px(xOf(percent))},${px(yOf(percentilesMs[i]!, scale))}`);
  const y = 18 + 18 * at;
  return [
    `<polyline points="${points.join(' ')}" fill="none" stroke="${COLORS[policy]}" stroke-width="2"/>`,
    `<path d="M12 ${y - 4}h20" stroke="${COLORS[policy]}" stroke-width="2"/>`,
    `<text x="38" y="${y}">${LABELS[policy]}</text>`,
  ];
}

const px = (value: number): string => value.toFixed(1);
