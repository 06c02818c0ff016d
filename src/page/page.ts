/**
 * The live page at `listen.http`:
 *
 *   GET /                           the page
 *   GET /page/NAME                  its style, its script, its icon
 *   GET /page/state                 server-sent events: StateFrame
 *   GET /page/groups/{group}        server-sent events: GroupFrame
 *
 * It shows what the API says, and changes nothing.
 */
import { type Answerer, type ApiRequest, DirectAnswer } from '../api/routes.ts';
import { Refusal } from '../config/problems/refusal.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Ask } from './ask.ts';
import { isPageFile, type PageFile, pageFile } from './files.ts';
import { GroupFeed } from './group-feed.ts';
import { type FeedParts, type PageSource, StateFeed } from './state-feed.ts';

/** Everything comes from this listener; the browser runs no script of another source, and no text as a script. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** Groups whose history is kept while nobody looks at them. */
const MAX_IDLE_FEEDS = 16;
/** No name of a group is longer. */
const MAX_NAME = 255;

export class Page {
  private readonly parts: FeedParts;
  private readonly state: StateFeed;
  private readonly groups = new Map<string, GroupFeed>();

  constructor(answerer: Answerer, source: PageSource, runtime: Runtime, onFailure: (error: unknown) => void) {
    const ask = new Ask(answerer, runtime);
    this.parts = { ask, source, runtime, budget: { open: 0 }, onFailure };
    this.state = new StateFeed(this.parts);
  }

  /** Answers the page's paths, and leaves all others to `answerer`. */
  around(answerer: Answerer): Answerer {
    return (request) => this.answer(request) ?? answerer(request);
  }

  /** Ends all streams. */
  close(): void {
    this.state.close();
    for (const feed of this.groups.values()) feed.close();
  }

  private answer({ method, path }: ApiRequest): DirectAnswer | undefined {
    if (method !== 'GET') return undefined;
    const [room, resource = '', name] = path;
    if (room === '' && path.length === 1) return fileAnswer(pageFile('page.html'));
    if (room !== 'page') return undefined;
    if (path.length === 2 && isPageFile(resource)) return fileAnswer(pageFile(resource));
    if (path.length === 2 && resource === 'state')
      return new DirectAnswer((response) => this.state.join(response));
    if (path.length === 3 && resource === 'groups' && isName(name))
      return new DirectAnswer((response) => this.feedOf(name).join(response));
    throw new Refusal(404, `no such resource: /${path.join('/')}`);
  }

  private feedOf(group: string): GroupFeed {
    const known = this.groups.get(group);
    if (known !== undefined) return known;
    const feed = new GroupFeed(group, this.parts, () => this.trim());
    this.groups.set(group, feed);
    return feed;
  }

  /** Of feeds without viewers, those opened longest ago go first. */
  private trim(): void {
    const idle = [...this.groups.values()].filter(({ isIdle }) => isIdle);
    for (const { group } of idle.slice(0, Math.max(0, idle.length - MAX_IDLE_FEEDS)))
      this.groups.delete(group);
  }
}

const isName = (text: string | undefined): text is string =>
  text !== undefined && text !== '' && text.length <= MAX_NAME;

const fileAnswer = ({ bytes, contentType }: PageFile): DirectAnswer =>
  new DirectAnswer((response) => {
    response.writeHead(200, {
      'content-type': contentType,
      'content-length': bytes.length,
      'content-security-policy': CONTENT_SECURITY_POLICY,
      connection: 'close',
    });
    response.end(bytes);
  });
