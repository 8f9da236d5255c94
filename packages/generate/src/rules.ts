import { fullnamePlaceholder, type Alert } from "./rules/alert.ts";
import { burnRateAlerts } from "./rules/burn-rate.ts";
import { kubernetesAlerts } from "./rules/kubernetes.ts";
import { messageAlerts } from "./rules/messages.ts";
import { recordingRules } from "./rules/recording.ts";
import { searchAlerts } from "./rules/search.ts";
import { storeAlerts } from "./rules/stores.ts";

const groups = {
  "confab-slo": burnRateAlerts,
  "confab-messages": messageAlerts,
  "confab-search": searchAlerts,
  "confab-stores": storeAlerts,
  "confab-kubernetes": kubernetesAlerts,
} as const;

export const alerts: readonly Alert[] = Object.values(groups).flat();

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/**
 * Returns all files of charts/confab/rules, by name and in the format of Prometheus; by default with the placeholder
 * that the chart replaces.
 */
export function ruleFiles(fullname = fullnamePlaceholder): Record<string, { readonly groups: readonly RuleGroup[] }> {
  const files = Object.entries(groups).map(([name, rules]) => [
    name,
    {
      groups: [
        ...(name === "confab-slo" ? [{ name: "confab-slo-recording", rules: recordingRules }] : []),
        { name, rules: rules.map((alert) => withFullname(toRule(alert), fullname)) },
      ],
    },
  ]);
  return Object.fromEntries(files) as ReturnType<typeof ruleFiles>;
}

function withFullname<R extends { readonly expr: string }>(rule: R, fullname: string): R {
  return { ...rule, expr: rule.expr.replaceAll(fullnamePlaceholder, fullname) };
}

function toRule({ name, expr, for: duration, severity, labels, summary, description, dashboard }: Alert) {
  return {
    alert: name,
    expr,
    for: duration,
    labels: { severity, ...labels },
    annotations: {
      summary,
      description,
      // The chart replaces the folder with monitoring.prometheusRule.runbookUrlPrefix.
      runbook_url: `docs/runbooks/${name}.md`,
      dashboard: `/d/${dashboard}`,
    },
  };
}
