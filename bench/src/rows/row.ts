import type { World } from "../world.ts";

export interface Settings {
  readonly rounds: number;
  /** Duration of one measurement. */
  readonly seconds: number;
  /** Whether rows may measure less, to check only that they work. */
  readonly isQuick: boolean;
}

/** The result of one measurement. */
export interface Measured {
  /** Figures by name, with the unit; null where the system does not report it. */
  readonly figures: Readonly<Record<string, number | null>>;
  /** Why the measurement is void; empty if it is verified. */
  readonly faults: readonly string[];
}

/** One of the alternatives that a row compares. */
export interface Side {
  readonly name: string;
  measure(world: World, settings: Settings): Promise<Measured>;
}

/** A goal for a figure of a row: the value to pass, and the value to aim for. */
export interface Goal {
  readonly title: string;
  readonly figure: string;
  /** The side that the figure belongs to. */
  readonly of: string;
  /** The side whose figure is the divisor. If it is undefined, the figure itself is judged. */
  readonly against?: string;
  readonly better: "higher" | "lower";
  readonly pass: number;
  readonly aim: number;
}

/** A comparison whose sides are measured in turn. */
export interface Row {
  readonly name: string;
  readonly title: string;
  sides(world: World): readonly Side[];
  readonly goals: readonly Goal[];
}
