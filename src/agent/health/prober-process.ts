/** The host's side of a prober: a child process in a namespace that gets targets and reports verdicts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Runtime } from '../../runtime/runtime.ts';
import { OutputLog } from '../vms/output-log.ts';
import type {
  FromProber,
  ProberEvents,
  ProberStart,
  ProberTargets,
  RunningProber,
  ToProber,
} from './prober-protocol.ts';

/** Megabytes; thousands of targets take a few. */
const HEAP_LIMIT = 96;

/** The prober drops these itself once its sockets for echo requests are open (prober-main.ts). */
const LIMITS = [
  '--pdeathsig',
  'KILL',
  '--no-new-privs',
  '--inh-caps',
  '-all',
  '--bounding-set',
  '-all,+net_raw,+setuid,+setgid',
];

export class ProberProcess implements RunningProber {
  private readonly child: ChildProcess;
  private isOver = false;

  constructor({ name, netns, prepared }: ProberStart, log: Logger, runtime: Runtime, events: ProberEvents) {
    const main = fileURLToPath(new URL('./prober-main.js', import.meta.url));
    const node = [process.execPath, `--max-old-space-size=${HEAP_LIMIT}`, main, ...prepared];
    this.child = spawn('ip', ['netns', 'exec', netns, 'setpriv', ...LIMITS, '--', ...node], {
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    new OutputLog(name, log, runtime).follow(this.child.stderr!);
    this.child.on('message', (message: FromProber) => {
      if (this.isOver) return;
      if (message.kind === 'verdicts') events.onVerdicts(message.verdicts);
      else events.onLoads(message.loads);
    });
    const end = (reason: string): void => {
      if (this.isOver) return;
      this.isOver = true;
      events.onEnd(reason);
    };
    this.child.on('error', ({ message }) => end(message));
    this.child.once('exit', (code, signal) =>
      end(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  }

  send(targets: ProberTargets): void {
    // A prober that has just ended reports that itself.
    if (this.child.connected) this.child.send({ kind: 'targets', ...targets } satisfies ToProber, () => {});
  }

  stop(): void {
    this.isOver = true;
    this.child.kill('SIGKILL');
  }
}
