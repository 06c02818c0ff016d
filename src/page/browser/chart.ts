/** A chart of lines over time (uPlot), with a vertical mark at each change. */
import uPlot from 'uplot';
import type { Change } from '../frames.ts';
import type { Lines } from '../view/history.ts';
import { h } from './dom.ts';

const HEIGHT = 260;
/** Colours of lines; further lines begin again, dashed. */
const COLOURS = 8;

/** Seconds. */
const MIN_SPAN = 60;
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** A chart that has just begun is as wide as a minute: it fills from the right. */
const firstTime = ([first = 0]: readonly number[], last: number): number => Math.min(first, last - MIN_SPAN);

const token = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  readonly element: HTMLElement;
  private readonly frame = h('div', { class: 'plot' });
  private readonly format: (value: number) => string;
  private plot: uPlot | undefined;
  private lines: Lines = { names: [], data: [[]] };
  private changes: readonly Change[] = [];
  private readonly observer = new ResizeObserver(() => this.resize());
  private readonly scheme = matchMedia('(prefers-color-scheme: dark)');
  private readonly redo = (): void => this.build();

  /** `label`: what is drawn, for those who do not see it. */
  constructor(label: string, format: (value: number) => string) {
    this.format = format;
    this.frame.setAttribute('role', 'img');
    this.frame.setAttribute('aria-label', label);
    this.element = h('div', { class: 'chart' }, this.frame);
    this.observer.observe(this.element);
    this.scheme.addEventListener('change', this.redo);
  }

  update(lines: Lines, changes: readonly Change[] = []): void {
    const isSame = this.plot !== undefined && lines.names.join('\n') === this.lines.names.join('\n');
    this.lines = lines;
    this.changes = changes;
    if (isSame) this.plot!.setData(lines.data as uPlot.AlignedData);
    else this.build();
  }

  close(): void {
    this.observer.disconnect();
    this.scheme.removeEventListener('change', this.redo);
    this.plot?.destroy();
  }

  private resize(): void {
    const width = this.element.clientWidth;
    if (width > 0 && this.plot === undefined) this.build();
    else if (width > 0 && this.plot!.width !== width) this.plot!.setSize({ width, height: HEIGHT });
  }

  private build(): void {
    this.plot?.destroy();
    this.plot = undefined;
    const width = this.element.clientWidth;
    if (width === 0) return;
    const axis = {
      stroke: token('--muted'),
      grid: { stroke: token('--line'), width: 1 },
      ticks: { stroke: token('--line') },
    };
    const { format } = this;
    const series = this.lines.names.map((label, i) => ({
      label,
      stroke: token(`--line-${i % COLOURS}`),
      width: 2,
      dash: i >= COLOURS ? [6, 4] : undefined,
      points: { show: false },
      value: (_: uPlot, value: number | null) => (value === null ? '–' : format(value)),
    }));
    this.plot = new uPlot(
      {
        width,
        height: HEIGHT,
        scales: {
          x: { range: (_, __, max) => [firstTime(this.lines.data[0], max), max] },
          y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] },
        },
        axes: [
          {
            ...axis,
            incrs: TIME_STEPS,
            values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1_000)),
            space: 80,
          },
          { ...axis, size: 72, values: (_, ticks) => ticks.map((tick) => format(tick)) },
        ],
        series: [
          { label: 'Time', value: (_, at) => (at === null ? '–' : clock.format(at * 1_000)) },
          ...series,
        ],
        cursor: { drag: { x: false, y: false } },
        hooks: { draw: [(plot) => this.mark(plot)] },
      },
      this.lines.data as uPlot.AlignedData,
      this.frame,
    );
  }

  private mark({ ctx, bbox, valToPos }: uPlot): void {
    const [first = 0] = this.lines.data[0];
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    for (const { at, isBad } of this.changes) {
      if (at / 1_000 < first) continue;
      const x = Math.round(valToPos.call(this.plot, at / 1_000, 'x', true));
      ctx.strokeStyle = token(isBad ? '--bad' : '--muted');
      ctx.fillStyle = ctx.strokeStyle;
      ctx.setLineDash(isBad ? [] : [4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      const size = 5 * devicePixelRatio;
      ctx.moveTo(x - size, bbox.top);
      ctx.lineTo(x + size, bbox.top);
      ctx.lineTo(x, bbox.top + 1.6 * size);
      ctx.fill();
    }
    ctx.restore();
  }
}
