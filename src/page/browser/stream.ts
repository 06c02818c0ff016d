/** A stream of server-sent events that is opened again whenever it ends. */

export type StreamState = 'connecting' | 'live' | 'lost';

/** After an answer that is no stream (too many viewers, a restart), which EventSource does not try again. */
const RETRY_MS = 3_000;

export class Stream<Frame> {
  private readonly url: string;
  private readonly event: string;
  private readonly onFrame: (frame: Frame) => void;
  private readonly onState: (state: StreamState) => void;
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    url: string,
    event: string,
    onFrame: (frame: Frame) => void,
    onState: (state: StreamState) => void = () => {},
  ) {
    this.url = url;
    this.event = event;
    this.onFrame = onFrame;
    this.onState = onState;
    this.open();
  }

  close(): void {
    clearTimeout(this.timer);
    this.source?.close();
  }

  private open(): void {
    this.onState('connecting');
    const source = new EventSource(this.url);
    this.source = source;
    source.addEventListener(this.event, ({ data }: MessageEvent<string>) => {
      this.onState('live');
      this.onFrame(JSON.parse(data) as Frame);
    });
    source.addEventListener('error', () => {
      this.onState('lost');
      if (source.readyState !== EventSource.CLOSED) return;
      this.timer = setTimeout(() => this.open(), RETRY_MS);
    });
  }
}
