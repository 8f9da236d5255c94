import type { Alert } from "./rules/alert.ts";
import { burnRateAlerts } from "./rules/burn-rate.ts";
import { kubernetesAlerts } from "./rules/kubernetes.ts";
import { messageAlerts } from "./rules/messages.ts";
import { recordingRules } from "./rules/recording.ts";
import { storeAlerts } from "./rules/stores.ts";

export const alerts: readonly Alert[] = [...burnRateAlerts, ...messageAlerts, ...storeAlerts, ...kubernetesAlerts];

/** Every file of charts/confab/rules, as Prometheus reads it. */
export function ruleFiles() {
  return {
    "confab-slo": groups({ "confab-slo-recording": recordingRules, "confab-slo": burnRateAlerts.map(toRule) }),
    "confab-messages": groups({ "confab-messages": messageAlerts.map(toRule) }),
    "confab-stores": groups({ "confab-stores": storeAlerts.map(toRule) }),
    "confab-kubernetes": groups({ "confab-kubernetes": kubernetesAlerts.map(toRule) }),
  };
}

function groups(byName: Readonly<Record<string, readonly object[]>>) {
  return { groups: Object.entries(byName).map(([name, rules]) => ({ name, rules })) };
}

function toRule({ name, expr, for: patience, severity, labels, summary, description, dashboard }: Alert) {
  return {
    alert: name,
    expr,
    for: patience,
    labels: { severity, ...labels },
    annotations: {
      summary,
      description,
      // The chart puts monitoring.prometheusRule.runbookUrlPrefix before the name where one is set.
      runbook_url: `docs/runbooks/${name}.md`,
      dashboard: `/d/${dashboard}`,
    },
  };
}
