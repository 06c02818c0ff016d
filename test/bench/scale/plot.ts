/** Figures by size as SVG, both axes logarithmic: what matters is the slope. */
export interface Series {
  readonly name: string;
  /** Both greater than 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 720;
const HEIGHT = 420;
const LEFT = 70;
const BOTTOM = 50;
const RIGHT = 180;
const TOP = 20;
const COLOURS = ['#1b6ca8', '#c0392b', '#2e8b57', '#8e44ad', '#d68910', '#16a085'];

export function logLogPlot(series: readonly Series[], xLabel: string, yLabel: string): string {
  const all = series.flatMap(({ points }) => points);
  const x = axis(all.map(([value]) => value));
  const y = axis(all.map(([, value]) => value));
  const across = (value: number): number => LEFT + x.place(value) * (WIDTH - LEFT - RIGHT);
  const up = (value: number): number => HEIGHT - BOTTOM - y.place(value) * (HEIGHT - TOP - BOTTOM);
  const grid = [
    ...x.decades.map(
      (value) =>
        `<line x1="${across(value)}" y1="${TOP}" x2="${across(value)}" y2="${HEIGHT - BOTTOM}" stroke="#ddd"/>` +
        `<text x="${across(value)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${value}</text>`,
    ),
    ...y.decades.map(
      (value) =>
        `<line x1="${LEFT}" y1="${up(value)}" x2="${WIDTH - RIGHT}" y2="${up(value)}" stroke="#ddd"/>` +
        `<text x="${LEFT - 6}" y="${up(value) + 4}" text-anchor="end">${value}</text>`,
    ),
  ];
  const lines = series.map(({ name, points }, at) => {
    const colour = COLOURS[at % COLOURS.length]!;
    const path = points.map(([px, py]) => `${across(px).toFixed(1)},${up(py).toFixed(1)}`).join(' ');
    return (
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>` +
      `<text x="${WIDTH - RIGHT + 12}" y="${TOP + 16 + 18 * at}" fill="${colour}">${name}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    ...grid,
    ...lines,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${xLabel}</text>`,
    `<text x="16" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 ${HEIGHT / 2})">${yLabel}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

/** Whole decades around the values. */
function axis(values: readonly number[]) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    place: (value: number): number => (Math.log10(value) - low) / (high - low),
    decades: Array.from({ length: high - low + 1 }, (_, i) => Number((10 ** (low + i)).toPrecision(6))),
  };
}
