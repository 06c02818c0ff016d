/**
 * Agents that connect to a controller which is not the leader.
 *
 * Theory of operation. Each agent gets the leader's address, and its stream stays open. An agent that reaches the
 * leader closes the stream itself; one that does not stays here and gets the next address after the next election. If this
 * controller is elected, its waiting agents attach through their open streams. Agents whose leader has died thus need
 * not poll: they reach the next leader as soon as it is elected.
 */
import type { AgentSession, AgentSessionListener } from '../../messages/link.ts';

export class WaitingAgents {
  private readonly waiting = new Set<WaitingAgent>();

  /** `leader`: its last known address. */
  admit(session: AgentSession, leader: string | undefined): AgentSessionListener {
    const agent = new WaitingAgent(session, (ended) => this.waiting.delete(ended));
    this.waiting.add(agent);
    agent.redirect(leader);
    return agent;
  }

  /** Another controller leads; undefined: none is known. */
  leaderIs(leader: string | undefined): void {
    for (const agent of this.waiting) agent.redirect(leader);
  }

  /** This controller leads: all waiting agents attach. */
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

  /** Hello is the only message expected before Welcome. */
  received(message: Parameters<AgentSessionListener['received']>[0]): void {
    this.listener?.received(message);
  }

  detached(reason: string): void {
    this.ended(this);
    this.listener?.detached(reason);
  }
}
