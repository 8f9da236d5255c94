import { http } from "./dashboards/http.ts";
import { overview } from "./dashboards/overview.ts";
import { queue } from "./dashboards/queue.ts";
import { runtime } from "./dashboards/runtime.ts";
import type { DashboardPlan } from "./panel.ts";

export const dashboards: readonly DashboardPlan[] = [overview, http, queue, runtime];
