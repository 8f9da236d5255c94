import type { AlertCase } from "./alert-case.ts";
import { burnCases } from "./burn-cases.ts";
import { kubernetesCases } from "./kubernetes-cases.ts";
import { messageCases } from "./message-cases.ts";
import { searchCases } from "./search-cases.ts";
import { storeCases } from "./store-cases.ts";

/** For each alert, scenarios in which it fires, and near misses. */
export const alertCases: Readonly<Record<string, AlertCase>> = {
  ConfabMessageBudgetBurn: burnCases("messages"),
  ConfabErrorBudgetBurn: burnCases("errors"),
  ConfabLatencyBudgetBurn: burnCases("latency"),
  ConfabSearchBudgetBurn: burnCases("searchable"),
  ...messageCases,
  ...searchCases,
  ...storeCases,
  ...kubernetesCases,
};
