/** A veth pair in this namespace for one test file: two interfaces, what goes into one comes out of the other. */
import { execFileSync } from 'node:child_process';

/** Both ends up, without addresses of any kind, so that the stack sends nothing of its own. */
export function addVethPair(near: string, far: string): void {
  execFileSync('ip', ['link', 'add', near, 'type', 'veth', 'peer', 'name', far]);
  for (const end of [near, far]) {
    execFileSync('sysctl', ['-qw', `net.ipv6.conf.${end}.disable_ipv6=1`]);
    execFileSync('ip', ['link', 'set', end, 'up']);
  }
  for (const end of [near, far]) waitForLink(end, 'UP');
}

/**
 * Waits until the kernel has taken note of the other end, which it does later, and on a busy machine much later. Until
 * then an interface that was up first has no queue: what is sent there is lost without an error (net/sched, noop_qdisc).
 */
export function waitForLink(name: string, state: 'UP' | 'LOWERLAYERDOWN', timeoutMs = 20_000): void {
  let seen = '';
  for (const end = Date.now() + timeoutMs; Date.now() < end; ) {
    const [link] = JSON.parse(execFileSync('ip', ['-json', 'link', 'show', name], { encoding: 'utf8' }));
    seen = `${link.operstate}, queue ${link.qdisc}`;
    if (link.operstate === state && (state !== 'UP' || link.qdisc !== 'noop')) return;
  }
  throw new Error(`${name}: ${seen} after ${timeoutMs} ms, expected ${state}`);
}
