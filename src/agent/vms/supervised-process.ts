/**
 * A command in a network namespace, watched from start to end.
 *
 * It runs under ip-netns(8), in its own session, and the kernel kills it when the host process ends (PR_SET_PDEATHSIG by
 * setpriv(1)). Its child processes are found by their namespace, whose owner ends everything in it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from 'pino';
import { findUser } from '../../native/processes/users.ts';
import { signalProcessesIn } from '../../run-dir/namespace-processes.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { OutputLog } from './output-log.ts';

export interface CommandRequest {
  /** Prefix of log lines. */
  readonly name: string;
  readonly netns: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Absent: the host's. */
  readonly user?: string;
}

/** How a command ended: `detail` in words, `isClean` with exit code 0. */
export interface CommandEnd {
  readonly isClean: boolean;
  readonly detail: string;
}

export class SupervisedProcess {
  /** Resolves, never rejects, when the command has ended or could not be started. */
  readonly ended: Promise<CommandEnd>;
  private readonly child: ChildProcess;
  private readonly netns: string;
  private readonly runtime: Runtime;
  private isOver = false;

  /** Throws if there is no such user. */
  constructor(request: CommandRequest, log: Logger, runtime: Runtime) {
    const { netns, command, env, directory, user } = request;
    const identity = user === undefined ? [] : identityOptions(user);
    const prefix = ['netns', 'exec', netns, 'setpriv', '--pdeathsig', 'KILL', ...identity, '--'];
    this.netns = netns;
    this.runtime = runtime;
    this.child = spawn('ip', [...prefix, ...command], {
      cwd: directory,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = new OutputLog(request.name, log, runtime);
    output.follow(this.child.stdout!);
    output.follow(this.child.stderr!);
    this.ended = new Promise((resolve) => {
      const over = (end: CommandEnd) => {
        this.isOver = true;
        resolve(end);
      };
      this.child.once('error', ({ message }) => over({ isClean: false, detail: message }));
      this.child.once('exit', (code, signal) => {
        const detail = signal === null ? `exit code ${code}` : `signal ${signal}`;
        over({ isClean: code === 0, detail });
      });
    });
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Sends SIGTERM to all processes in the namespace and SIGKILL after `timeoutMs`; resolves when the command has ended. */
  async stop(timeoutMs: number): Promise<void> {
    const { pid } = this.child;
    if (this.isOver || pid === undefined) return;
    signalProcessesIn(this.netns, timeoutMs > 0 ? 'SIGTERM' : 'SIGKILL', pid);
    const kill = this.runtime.setTimer(() => signalProcessesIn(this.netns, 'SIGKILL', pid), timeoutMs);
    await this.ended;
    this.runtime.clearTimer(kill);
  }
}

function identityOptions(name: string): string[] {
  const user = findUser(name);
  if (user === undefined) throw new Error(`found no user ${name} on this host`);
  return ['--reuid', `${user.uid}`, '--regid', `${user.gid}`, '--init-groups'];
}
