import { escape, legend, palette, svg } from "./svg.ts";

/** The format of `node --cpu-prof`: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** The ids of the nodes that were seen, and the microseconds before each of them. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

export interface FlameOptions {
  readonly title: string;
  /** Seconds at the start that are left out, such as the time until a service is ready. */
  readonly skipSeconds?: number;
}

/** A function with everything that it calls, in this order of callers. */
interface Frame {
  readonly name: string;
  readonly origin: Origin;
  microseconds: number;
  readonly callees: Map<string, Frame>;
}

/** Whose code it is, in the order of the colours. */
const origins = ["Confab", "dependencies", "Node.js", "V8"] as const;
type Origin = (typeof origins)[number];

const [width, margin, rowHeight, head] = [1_000, 8, 15, 50];
/** Frames with a smaller share of the time are left out. */
const leastShare = 0.002;
const characterWidth = 6;

/** Draws a CPU profile as SVG: callers above what they call, and widths in proportion to the time, without the idle time. */
export function drawFlameGraph(profile: CpuProfile, { title, skipSeconds = 0 }: FlameOptions): string {
  const whole = frameOf(profile, skipSeconds * 1e6);
  const parts: string[] = [];
  let depth = 0;
  const drawCallees = (caller: Frame, from: number, level: number): void => {
    let x = from;
    for (const frame of inOrder(caller)) {
      const share = frame.microseconds / whole.microseconds;
      if (share < leastShare) return;
      const frameWidth = share * (width - 2 * margin);
      const y = head + level * rowHeight;
      const label = fitted(frame.name, frameWidth);
      depth = Math.max(depth, level + 1);
      parts.push(
        `<g><title>${escape(`${frame.name}, ${(share * 100).toFixed(1)} %`)}</title>`,
        `<rect x="${x.toFixed(1)}" y="${y}" width="${frameWidth.toFixed(1)}" height="${rowHeight - 1}" fill="${palette[origins.indexOf(frame.origin)]!}"/>`,
        label === "" ? "" : `<text x="${(x + 2).toFixed(1)}" y="${y + 11}" font-size="10">${escape(label)}</text>`,
        "</g>\n",
      );
      drawCallees(frame, x, level + 1);
      x += frameWidth;
    }
  };
  drawCallees(whole, margin, 0);
  const names = legend(origins, { x: margin, y: 28, step: 130 });
  return svg(title, { width, height: head + depth * rowHeight + margin }, [...names, parts.join("")]);
}

/** The calls of a profile, merged by function. */
function frameOf({ nodes, samples, timeDeltas }: CpuProfile, skipUs: number): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callerOf = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const whole: Frame = { name: "", origin: "V8", microseconds: 0, callees: new Map() };
  let elapsed = 0;
  samples.forEach((sample, at) => {
    const microseconds = timeDeltas[at]!;
    elapsed += microseconds;
    if (elapsed <= skipUs) return;
    const stack: ProfileNode[] = [];
    for (let id: number | undefined = sample; id !== undefined; id = callerOf.get(id)) stack.unshift(byId.get(id)!);
    const calls = stack.filter(({ callFrame }) => callFrame.functionName !== "(root)");
    if (calls.length === 0 || calls[0]!.callFrame.functionName === "(idle)") return;
    whole.microseconds += microseconds;
    let frame = whole;
    for (const { callFrame } of calls) {
      const name = nameOf(callFrame);
      let callee = frame.callees.get(name);
      if (callee === undefined) {
        callee = { name, origin: originOf(callFrame.url), microseconds: 0, callees: new Map() };
        frame.callees.set(name, callee);
      }
      callee.microseconds += microseconds;
      frame = callee;
    }
  });
  return whole;
}

function inOrder({ callees }: Frame): Frame[] {
  return [...callees.values()].sort((one, other) => other.microseconds - one.microseconds);
}

function nameOf({ functionName, url, lineNumber }: ProfileNode["callFrame"]): string {
  const file = url.replace(/^.*\/node_modules\//, "").replace(/^file:.*\/((?:packages|services)\/)/, "$1");
  const name = functionName === "" ? "(anonymous)" : functionName;
  return file === "" ? name : `${name} ${file}:${lineNumber + 1}`;
}

function originOf(url: string): Origin {
  if (url.includes("/node_modules/")) return "dependencies";
  if (url.startsWith("node:")) return "Node.js";
  return url.startsWith("file:") ? "Confab" : "V8";
}

/** As much of a name as fits a width; empty if that is not readable. */
function fitted(name: string, frameWidth: number): string {
  const fits = Math.floor((frameWidth - 4) / characterWidth);
  if (fits < 3) return "";
  return name.length <= fits ? name : `${name.slice(0, fits - 1)}…`;
}
