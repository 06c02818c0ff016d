/**
 * The live part: every environment is brought up once, then measured round by round.
 *
 * Within a round the columns of one row follow each other directly, in an order that changes from row to row
 * and round to round (order.ts): what slows the machine for a while slows neighbours alike, and none is always the first.
 * A warm-up pass, not counted, lets the JIT compilers, caches and flow tables of all of them settle.
 */
import type { Context, Forwarder } from './environment.ts';
import { Environment } from './environment.ts';
import { bareForwarder } from './environments/bare.ts';
import { kernelForwarder } from './environments/kernel.ts';
import { ovsForwarder } from './environments/ovs.ts';
import { beforeForwarder, sluiceForwarder, unmeasuredForwarder } from './environments/sluice.ts';
import { Meter } from './measure.ts';
import { measuringOrder } from './order.ts';
import { type ColumnId, columnTitle, type RowId, rows, type ToolId, variantIds } from './plan.ts';
import type { Progress } from './progress.ts';

export interface LiveOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly columns: readonly ColumnId[];
  readonly tools: readonly ToolId[];
}

/** Row → column → one value per round; null where a measurement failed or does not apply. */
export type LiveValues = Partial<Record<RowId, Partial<Record<ColumnId, (number | null)[]>>>>;

export interface LiveResult {
  readonly values: LiveValues;
  readonly versions: Partial<Record<ColumnId, string>>;
}

export interface Surroundings {
  readonly context: Context;
  readonly progress: Progress;
  /** Called with what must be undone; the undoing runs in reverse order, whatever happens. */
  readonly atEnd: (undo: () => Promise<void>) => void;
  /** Throws when the run was interrupted. */
  readonly checkInterrupted: () => void;
}

const forwarderOf: Readonly<Record<ColumnId, (context: Context) => Forwarder>> = {
  sluice: sluiceForwarder,
  before: beforeForwarder,
  unmeasured: unmeasuredForwarder,
  bare: bareForwarder,
  ovs: ovsForwarder,
  kernel: kernelForwarder,
};

/** What is compared to a few per cent: Sluice, and the variant of it that was asked for. */
const pair: readonly ColumnId[] = ['sluice', ...variantIds];

/** What a column measures. */
interface Subject {
  readonly column: ColumnId;
  readonly title: string;
  readonly environment: Environment;
}

const WARM_UP_SECONDS = 1;

export async function measureLive(options: LiveOptions, surroundings: Surroundings): Promise<LiveResult> {
  const { context, progress } = surroundings;
  const warmUpMeter = new Meter(context, WARM_UP_SECONDS);
  const subjects: Subject[] = [];
  const versions: LiveResult['versions'] = {};
  for (const column of options.columns) {
    surroundings.checkInterrupted();
    const title = columnTitle(column, context.before?.ref ?? null);
    progress.say(`bringing up: ${title}`);
    const environment = await bringUp(column, title, warmUpMeter, surroundings);
    if (environment === undefined) continue;
    subjects.push({ column, title, environment });
    versions[column] = await environment.forwarder.version();
    await environment.freeze();
  }

  const values: LiveValues = {};
  for (const { id, tool } of rows) {
    if (!options.tools.includes(tool)) continue;
    values[id] = Object.fromEntries(
      subjects.map(({ column }) => [column, new Array<number | null>(options.rounds).fill(null)]),
    );
  }
  const steps = subjects.length * options.tools.length;
  progress.expect(steps, WARM_UP_SECONDS);
  progress.expect(steps * options.rounds, options.seconds);

  for (const tool of options.tools) {
    for (const subject of subjects) {
      await measureOnce(tool, subject, warmUpMeter, 'warm-up', surroundings);
    }
  }
  const meter = new Meter(context, options.seconds);
  const paired = subjects.filter(({ column }) => pair.includes(column));
  const others = subjects.filter(({ column }) => !pair.includes(column));
  for (let round = 0; round < options.rounds; round++) {
    for (const [position, tool] of options.tools.entries()) {
      for (const subject of measuringOrder(paired, others, round, position)) {
        const label = `round ${round + 1}/${options.rounds}`;
        const measured = await measureOnce(tool, subject, meter, label, surroundings);
        for (const [row, value] of Object.entries(measured) as [RowId, number | null][]) {
          values[row]![subject.column]![round] = value;
        }
      }
    }
  }
  return { values, versions };
}

/** An environment that does not come up is reported and left out; the others are measured all the same. */
async function bringUp(
  column: ColumnId,
  title: string,
  meter: Meter,
  surroundings: Surroundings,
): Promise<Environment | undefined> {
  const environment = new Environment(forwarderOf[column](surroundings.context));
  surroundings.atEnd(() => environment.stop());
  try {
    await environment.start();
    const webServer = await meter.startWebServer(environment);
    surroundings.atEnd(() => webServer.stop());
    return environment;
  } catch (error) {
    surroundings.checkInterrupted();
    surroundings.progress.problem(`${title}: not measured: ${(error as Error).message}`);
    return undefined;
  }
}

async function measureOnce(
  tool: ToolId,
  { title, environment }: Subject,
  meter: Meter,
  label: string,
  { progress, checkInterrupted }: Surroundings,
) {
  checkInterrupted();
  const what = `${label} · ${tool} · ${title}`;
  const startedAt = performance.now();
  try {
    await environment.thaw();
    const measured = await meter.measure(tool, environment);
    progress.done(meter.seconds, performance.now() - startedAt, `${what}: ${figures(measured)}`);
    return measured;
  } catch (error) {
    checkInterrupted();
    progress.problem(`${what}: ${(error as Error).message}`);
    progress.done(meter.seconds, performance.now() - startedAt, `${what}: failed`);
    return {};
  } finally {
    await environment.freeze();
  }
}

function figures(measured: Partial<Record<RowId, number | null>>): string {
  return rows
    .filter(({ id }) => typeof measured[id] === 'number')
    .map(({ id, unit, digits }) => `${measured[id]!.toFixed(digits)} ${unit}`)
    .join(', ');
}
