/**
 * Agents that have come to a controller which does not lead.
 *
 * Theory of operation. Each is told where the leader is, and its stream stays: an agent that reaches the leader leaves
 * by itself, one that does not waits here and is told again as soon as another one leads. If that is this controller, it
 * is attached by the stream that it has. So agents whose leader has died need not ask again and again: they are with
 * the next one as soon as there is one.
 */
import type { AgentSession, AgentSessionListener } from '../../messages/link.ts';

export class WaitingAgents {
  private readonly waiting = new Set<WaitingAgent>();

  /** `leader`: where it is, as far as is known. */
  admit(session: AgentSession, leader: string | undefined): AgentSessionListener {
    const agent = new WaitingAgent(session, (ended) => this.waiting.delete(ended));
    this.waiting.add(agent);
    agent.redirect(leader);
    return agent;
  }

  /** The leader is another one, elsewhere; undefined: nobody. */
  leaderIs(leader: string | undefined): void {
    for (const agent of this.waiting) agent.redirect(leader);
  }

  /** This controller leads: all of them attach. */
  attach(to: (session: AgentSession) => AgentSessionListener): void {
    const agents = [...this.waiting];
    this.waiting.clear();
    for (const agent of agents) agent.attach(to);
  }
}

class WaitingAgent implements AgentSessionListener {
  private readonly session: AgentSession;
  private readonly ended: (agent: WaitingAgent) => void;
  private listener: AgentSessionListener | undefined;

  constructor(session: AgentSession, ended: (agent: WaitingAgent) => void) {
    this.session = session;
    this.ended = ended;
  }

  redirect(leader: string | undefined): void {
    this.session.send({ type: 'redirect', leader: leader ?? '' });
  }

  attach(to: (session: AgentSession) => AgentSessionListener): void {
    this.listener = to(this.session);
  }

  /** Before Welcome an agent has nothing to say but Hello. */
  received(message: Parameters<AgentSessionListener['received']>[0]): void {
    this.listener?.received(message);
  }

  detached(reason: string): void {
    this.ended(this);
    this.listener?.detached(reason);
  }
}
