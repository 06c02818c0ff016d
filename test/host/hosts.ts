/** A host inside the test's own process, for what the API does not reach. */
import { type Logger, pino } from 'pino';
import { loadConfiguration } from '../../src/config/load.ts';
import { Host } from '../../src/host/host.ts';
import { portSetups, tapRequestOf } from '../../src/host/ports/port-setup.ts';
import { MadeThings } from '../../src/run-dir/made-things.ts';
import { RunDir } from '../../src/run-dir/run-dir.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { linesOnly } from '../support/event-sinks.ts';
import { TestRun } from '../support/host-processes.ts';

export class TestHost {
  /** Its configuration file and namespaces. */
  readonly files: TestRun;
  /** What it has logged. */
  readonly log: string[] = [];
  readonly logger: Logger = pino(
    {},
    { write: (line: string) => void this.log.push((JSON.parse(line) as { msg: string }).msg) },
  );
  private running: { host: Host; state: MadeThings } | undefined;

  constructor(name: string) {
    this.files = new TestRun(name);
  }

  get host(): Host {
    if (this.running === undefined) throw new Error('the host has not been started');
    return this.running.host;
  }

  async start(): Promise<Host> {
    const runDir = new RunDir(this.files.runDir);
    runDir.create();
    const state = MadeThings.load(runDir);
    const host = await Host.start({
      runtime: systemRuntime,
      configuration: loadConfiguration(this.files.configPath),
      tablesFile: runDir.tablesFile,
      numbersFile: runDir.numbersFile,
      state,
      log: this.logger,
      events: linesOnly(this.logger),
      onDeath: (reason) => {
        throw new Error(`the datapath has ended: ${reason}`);
      },
    });
    this.running = { host, state };
    return host;
  }

  /** What `up` does about a host that was killed here. */
  async clearLeftovers(): Promise<void> {
    const runDir = new RunDir(this.files.runDir);
    const setups = portSetups(loadConfiguration(this.files.configPath));
    const wanted = [...setups.values()].map(tapRequestOf);
    const problems = MadeThings.load(runDir).removeLeftovers(wanted);
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }

  async close(): Promise<void> {
    try {
      await this.running?.host.stop('end');
      const problems = this.running?.state.clear() ?? [];
      if (problems.length > 0) throw new Error(problems.join('\n'));
    } finally {
      await this.files.close();
    }
  }
}
