/** One flow from a client's port to a VIP, told from both ends: what the client sends, what the member answers. */
import type { DatapathBed, Sent } from './datapath-bed.ts';
import { type TcpFields, tcpFrame, type UdpFields, udpFrame, type Way } from './packets.ts';
import type { ParsedPacket } from './parse-frame.ts';

export interface FlowEnds {
  /** Port of the client's VM. */
  readonly port: string;
  readonly clientPort: number;
  readonly vip: string;
  readonly vipPort: number;
}

/** Where the client's packets arrived, and how the last one looked there. */
interface Member {
  readonly port: string;
  readonly packet: ParsedPacket;
}

abstract class Conversation {
  protected readonly bed: DatapathBed;
  readonly ends: FlowEnds;
  private latest: Member | undefined;

  constructor(bed: DatapathBed, ends: FlowEnds) {
    this.bed = bed;
    this.ends = ends;
  }

  /** The member that has the flow. */
  get member(): Member {
    if (this.latest === undefined) throw new Error('conversation: no packet has reached a member yet');
    return this.latest;
  }

  /** Notes who received a packet of the client's, if anyone did. */
  protected arrived(sent: Sent[]): Sent[] {
    const delivered = sent.find(({ port }) => port !== this.ends.port);
    if (delivered?.frame.packet !== undefined) {
      this.latest = { port: delivered.port, packet: delivered.frame.packet };
    }
    return sent;
  }

  protected clientWay(more: Partial<Way> = {}): Way {
    return this.bed.way(this.ends.port, this.ends.vip, more);
  }

  /** From the member to the client, as the member knows both. */
  protected memberWay(): Way {
    const { port, packet } = this.member;
    return this.bed.way(port, packet.from, { from: packet.to });
  }

  protected memberPorts(): { sourcePort: number; destinationPort: number } {
    const { packet } = this.member;
    const seen = packet.tcp ?? packet.udp;
    if (seen === undefined) throw new Error('conversation: the member saw no ports');
    return { sourcePort: seen.destinationPort, destinationPort: seen.sourcePort };
  }
}

export class TcpConversation extends Conversation {
  /** A segment from the client; what comes out. */
  send(flags: string, more: Partial<TcpFields> = {}, way: Partial<Way> = {}): Sent[] {
    const { clientPort, vipPort } = this.ends;
    const fields = { sourcePort: clientPort, destinationPort: vipPort, flags, ...more };
    return this.arrived(this.bed.send(this.ends.port, tcpFrame(this.clientWay(way), fields)));
  }

  /** A segment from the member. */
  reply(flags: string, more: Partial<TcpFields> = {}): Sent[] {
    const fields = { ...this.memberPorts(), flags, ...more };
    return this.bed.send(this.member.port, tcpFrame(this.memberWay(), fields));
  }

  /** SYN, SYN/ACK, ACK. */
  open(): this {
    this.send('S', { sequence: 100 });
    this.reply('SA', { sequence: 300, acknowledgment: 101 });
    this.send('A', { sequence: 101, acknowledgment: 301 });
    return this;
  }

  /** FIN from the client, FIN from the member, and the last ACK. */
  close(): this {
    this.send('FA', { sequence: 101, acknowledgment: 301 });
    this.reply('FA', { sequence: 301, acknowledgment: 102 });
    this.send('A', { sequence: 102, acknowledgment: 302 });
    return this;
  }
}

export class UdpConversation extends Conversation {
  send(more: Partial<UdpFields> = {}, way: Partial<Way> = {}): Sent[] {
    const { clientPort, vipPort } = this.ends;
    const fields = { sourcePort: clientPort, destinationPort: vipPort, ...more };
    return this.arrived(this.bed.send(this.ends.port, udpFrame(this.clientWay(way), fields)));
  }

  reply(more: Partial<UdpFields> = {}): Sent[] {
    return this.bed.send(this.member.port, udpFrame(this.memberWay(), { ...this.memberPorts(), ...more }));
  }
}
