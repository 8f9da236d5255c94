import { confab } from "../designs/confab.ts";
import { plain } from "../designs/plain.ts";
import { sticksOf } from "../designs/stick.ts";
import {
  acceptedFigure,
  cpuFigure,
  measureAccepting,
  memoryFigure,
  p50Figure,
  p99Figure,
  type Load,
} from "./measure-accepting.ts";
import type { Design } from "../designs/design.ts";
import type { World } from "../world.ts";
import type { Row, Side } from "./row.ts";

const ofStick = { of: "Confab", against: "Go stick" } as const;

export const acceptRows: readonly (Row & { readonly label: string })[] = [
  {
    name: "accept",
    label: "64 connections",
    title: "Accepting over 64 connections, one process",
    sides: (world) => [...stickAndConfab({ connections: 64 })(world), sideOf(plain, { connections: 64 })],
    goals: [
      {
        title: "accepted/s, 64 connections",
        figure: acceptedFigure,
        ...ofStick,
        better: "higher",
        pass: 1.4,
        aim: 2,
      },
      {
        title: "CPU per message, service + Redis",
        figure: cpuFigure,
        ...ofStick,
        better: "lower",
        pass: 0.7,
        aim: 0.5,
      },
      { title: "resident memory of ingest", figure: memoryFigure, of: "Confab", better: "lower", pass: 150, aim: 100 },
    ],
  },
  {
    name: "accept-2-processes",
    label: "64, two processes",
    title: "Accepting over 64 connections, two processes of Confab",
    sides: (world) => [...stickSide(world, { connections: 64 }), sideOf(confab, { connections: 64, processes: 2 })],
    goals: [
      { title: "accepted/s, two processes", figure: acceptedFigure, ...ofStick, better: "higher", pass: 1.6, aim: 2.2 },
    ],
  },
  {
    name: "accept-256",
    label: "256 connections",
    title: "Accepting over 256 connections, one process",
    sides: stickAndConfab({ connections: 256 }),
    goals: [
      { title: "accepted/s, 256 connections", figure: acceptedFigure, ...ofStick, better: "higher", pass: 1.6, aim: 2 },
    ],
  },
  {
    name: "accept-everysec",
    label: "64, everysec",
    title: "Accepting over 64 connections, while Redis writes to the disk once per second",
    sides: stickAndConfab({ connections: 64, fsync: "everysec" }),
    goals: [
      { title: "accepted/s, `everysec`", figure: acceptedFigure, ...ofStick, better: "higher", pass: 1.2, aim: 1.6 },
    ],
  },
  {
    name: "accept-1",
    label: "one connection",
    title: "Accepting over one connection",
    sides: stickAndConfab({ connections: 1 }),
    goals: [
      {
        title: "p50 at one connection",
        figure: p50Figure,
        ...ofStick,
        better: "lower",
        pass: 1.3,
        aim: 1,
      },
      { title: "p99 at one connection", figure: p99Figure, ...ofStick, better: "lower", pass: 1.5, aim: 1 },
    ],
  },
];

function stickAndConfab(load: Load): (world: World) => Side[] {
  return (world) => [...stickSide(world, load), sideOf(confab, load)];
}

function stickSide(world: World, load: Load): Side[] {
  return sticksOf(world).map((stick) => sideOf(stick, load));
}

function sideOf(design: Design, load: Load): Side {
  return { name: design.name, measure: (world, settings) => measureAccepting(world, settings, design, load) };
}
