import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Status } from '../../../api/shapes.ts';
import { parseDuration } from '../../../config/model/duration.ts';
import type { ApiClient } from '../../api-client.ts';
import { apiOf, settingsOf } from '../../settings.ts';
import { Rates, type TopRow } from '../../top/rates.ts';
import { afterKey, picture, type ScreenState, shownRows, stateOf } from '../../top/screen.ts';
import { LiveTerminal } from '../../top/terminal.ts';
import { VIEWS, type ViewName } from '../../top/views.ts';
import { humanDuration, humanRate } from '../../units.ts';

interface Options {
  batch?: boolean;
  count?: number;
  interval: number;
  view: ViewName;
}

/** The first rates cover at most this time. */
const FIRST_MS = 1_000;
const DEFAULT_INTERVAL_S = '2';

export function addTop(parent: Command): void {
  parent
    .command('top')
    .description('live screen of groups, members, ports and hosts with their rates; ? shows the keys')
    .option('-b, --batch', 'print pictures one after the other, for files and pipes')
    .option('-n, --count <count>', 'end after COUNT pictures', countArgument)
    .option(
      '--interval <seconds>',
      'time between two pictures, such as 2 or 500ms',
      secondsArgument,
      secondsArgument(DEFAULT_INTERVAL_S),
    )
    .addOption(
      new Option('--view <view>', 'what to show first').choices(Object.keys(VIEWS)).default('groups'),
    )
    .action(async ({ batch, count, interval, view }: Options, command: Command) => {
      const top = new Top(apiOf(command), interval, view);
      const { output } = settingsOf(command);
      if (output === 'json' || output === 'yaml') await top.runAsData(count ?? Number.POSITIVE_INFINITY);
      else if (batch || !process.stdout.isTTY) await top.runInBatch(count ?? Number.POSITIVE_INFINITY);
      else await top.runLive(count ?? Number.POSITIVE_INFINITY);
    });
}

function countArgument(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('Expected a number from 1.');
  return count;
}

/** Seconds, or a duration with its unit; in milliseconds. */
function secondsArgument(text: string): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (ms === undefined || ms < 100)
    throw new InvalidArgumentError('Expected seconds, or a duration with its unit, from 100ms.');
  return ms;
}

class Top {
  private readonly api: ApiClient;
  private readonly intervalMs: number;
  private readonly rates = new Rates();
  private readonly totals = new Rates();
  private state: ScreenState;
  private rows: readonly TopRow[] = [];
  private heading: readonly string[] = [];

  constructor(api: ApiClient, intervalMs: number, view: ViewName) {
    this.api = api;
    this.intervalMs = intervalMs;
    this.state = stateOf(view);
  }

  /** One JSON object per refresh. */
  async runAsData(count: number): Promise<void> {
    await this.each(count, () => {
      const { view } = this.state;
      const line = { time: new Date().toISOString(), view, rows: shownRows(this.state, this.rows) };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    });
  }

  async runInBatch(count: number): Promise<void> {
    const size = {
      width: process.stdout.columns || Number.POSITIVE_INFINITY,
      height: Number.POSITIVE_INFINITY,
    };
    let isFirst = true;
    await this.each(count, () => {
      const { lines } = picture(this.state, this.heading, shownRows(this.state, this.rows), size);
      process.stdout.write(`${isFirst ? '' : '\n'}${lines.join('\n')}\n`);
      isFirst = false;
    });
  }

  private async each(count: number, show: () => void): Promise<void> {
    await this.sample();
    for (let i = 0; i < count; i++) {
      await delay(i === 0 ? Math.min(FIRST_MS, this.intervalMs) : this.intervalMs);
      await this.sample();
      show();
    }
  }

  async runLive(count: number): Promise<void> {
    const terminal = new LiveTerminal();
    const abort = new AbortController();
    let wake = new AbortController();
    const draw = (): void => {
      const { lines, selectedLine } = picture(
        this.state,
        this.heading,
        shownRows(this.state, this.rows),
        terminal.size,
      );
      terminal.draw(lines, selectedLine);
    };
    const onKey = (key: string): void => {
      const next = afterKey(this.state, key, shownRows(this.state, this.rows));
      if (next === 'quit') {
        abort.abort();
        wake.abort();
        return;
      }
      const hasOtherRows = next.view !== this.state.view || next.group !== this.state.group;
      this.state = next;
      if (hasOtherRows) {
        this.rows = [];
        this.rates.reset();
        wake.abort(); // shows the new view at once
      }
      draw();
    };
    await this.sample();
    terminal.open(onKey, draw);
    try {
      for (let shown = 0; shown < count && !abort.signal.aborted; shown++) {
        draw();
        wake = new AbortController();
        const pauseMs = shown === 0 ? Math.min(FIRST_MS, this.intervalMs) : this.intervalMs;
        await delay(pauseMs, undefined, { signal: wake.signal }).catch(() => {});
        if (!this.state.isPaused && !abort.signal.aborted) await this.sample();
      }
    } finally {
      terminal.close();
    }
  }

  private async sample(): Promise<void> {
    const { view, group } = this.state;
    const [status, counted] = await Promise.all([
      this.api.get<Status>('/v1/status'),
      VIEWS[view].read(this.api, group),
    ]);
    const nowMs = performance.now();
    if (view === this.state.view && group === this.state.group) this.rows = this.rates.of(counted, nowMs);
    this.heading = this.headingOf(status, nowMs);
  }

  private headingOf(status: Status, nowMs: number): string[] {
    const time = new Date().toISOString().slice(11, 19);
    // A controller has neither ports nor connections.
    const { host, uptimeMs, revision, connections, frames, drops } = status;
    const first = `sluice top ${time}Z  ${host ?? 'controller'}, up ${humanDuration(uptimeMs)}, revision ${revision ?? '-'}`;
    if (connections === undefined) return [first];
    const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
    const [rates] = this.totals.of([{ key: '', cells: {}, counters: { frames, dropped } }], nowMs);
    const second = `connections ${connections.inUse} of ${connections.max}, ${humanRate(Number(rates!.frames))} frames/s, ${humanRate(Number(rates!.dropped))} drops/s`;
    return [first, second];
  }
}
