const pasted = "needs a cluster: test/cluster/guides.e2e.ts runs it";
const cluster = "needs a cluster: charts/confab/test/guides.test.ts checks its syntax, and no test runs it";
const make = "make itself: the tests of packages/local run it";
const docker = "needs Docker: packages/local/test/compose.test.ts checks the file";
const variables = "sets variables of the services";
const development = "for work on Confab itself";
const verify = "takes a minute: packages/cli/test/verify.test.ts runs it";
const completion = "packages/cli/test/completion.test.ts and package.test.ts run it";
const backUp = "packages/local/test/back-up-guide.test.ts runs it";
const processes = "needs the processes of make up";

/**
 * The command blocks that no test of the guides runs: the page, the reason, and the first line of each block, once per
 * occurrence.
 */
export const leftOut: readonly (readonly [page: string, reason: string, firstLines: readonly string[]])[] = [
  ["README.md", make, ["git clone https://github.example/confab/confab.git && cd confab"]],
  [
    "README.md",
    cluster,
    ["make cluster     # a kind cluster with ingress controller, KEDA, Prometheus and Grafana; or export KUBECONFIG=…"],
  ],
  ["README.md", development, ["make dev     # runs everything in this terminal and restarts services on change"]],
  [
    "docs/tutorials/first-chat.md",
    make,
    ["make up", "make status", "make down     # the data stays: the next make up continues with it"],
  ],
  ["docs/tutorials/first-chat.md", processes, ["kill -STOP 15869      # replace it with yours", "kill -9 15869"]],
  ["docs/how-to/require-keys.md", variables, ["export ADMIN_API_KEY=$(openssl rand -hex 16)"]],
  ["docs/how-to/open-to-browsers.md", variables, ["CORS_ORIGINS=https://chat.example.com,http://localhost:5173"]],
  [
    "docs/how-to/back-up-one-machine.md",
    backUp,
    [
      "docker compose exec -T mysql sh -c 'MYSQL_PWD=\"$(cat /run/confab/mysql)\" exec mysqldump --user=confab --single-transaction --no-tablespaces --default-character-set=utf8mb4 confab' | gzip >confab.sql.gz",
      "docker compose stop nginx ingest api worker",
      'mariadb-dump --host=127.0.0.1 --port=13306 --user=confab --password="$(cat .confab/data/mysql/password)" --single-transaction --default-character-set=utf8mb4 confab | gzip >confab.sql.gz',
      "make reset YES=1",
    ],
  ],
  [
    "docs/how-to/configure.md",
    variables,
    [
      "REDIS_URL=redis://:password@redis.example:6379",
      "REDIS_URL=redis://redis-0.example:6379,redis://redis-1.example:6379",
    ],
  ],
  [
    "docs/how-to/trace-and-log.md",
    processes,
    [
      "kubectl logs -l app.kubernetes.io/name=confab --tail=-1 --prefix --ignore-errors | grep 9f0c1d7e-…     # in a cluster",
      `kubectl logs -l app.kubernetes.io/component=api --tail=-1 | grep '"application":"8c5f3a52"' \\`,
      "curl -X PUT -d debug http://localhost:9081/loglevel   # ingest's admin port; GET shows the level",
    ],
  ],
  ["docs/how-to/trace-and-log.md", variables, ["export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"]],
  [
    "docs/reference/cli.md",
    completion,
    ["npm install --global confabctl-0.1.0.tgz", "source <(confabctl complete bash)   # in ~/.bashrc"],
  ],
  [
    "CONTRIBUTING.md",
    development,
    [
      "git clone https://github.example/confab/confab.git && cd confab",
      "npm test -- packages/search services/api/test/messages.test.ts",
    ],
  ],
  [
    "docs/how-to/release.md",
    "needs the repository's host",
    [
      ".ci/version.sh 0.2.0",
      "gh workflow run release.yml --ref main && gh run watch",
      'git tag --annotate v0.2.0 --message "Confab 0.2.0" && git push origin v0.2.0',
      "OWNER=confab VERSION=0.2.0",
      "docker buildx imagetools inspect ghcr.io/$OWNER/confab:$VERSION --format '{{ json .SBOM }}'",
    ],
  ],
  ["docs/explanation/security.md", development, ["NODE_IMAGE=node:24.22.3-trixie-slim@sha256:… make images"]],
  [
    "docs/how-to/back-up.md",
    pasted,
    [
      "kubectl create job backup-now --from=cronjob/confab-backup",
      'kubectl run dumps --image=docker.io/library/mysql:8.4 --restart=Never --override-type=strategic --overrides=\'{"spec": {',
      "kubectl annotate scaledobject confab-worker autoscaling.keda.sh/paused-replicas=0     # with KEDA only",
      "mysql_as_root() { kubectl exec -i statefulset/confab-mysql -- sh -c \\",
      "kubectl exec statefulset/confab-redis -- sh -c 'REDISCLI_AUTH=\"$REDIS_PASSWORD\" redis-cli FLUSHALL'",
      "kubectl scale deployment confab-ingest confab-api confab-worker --replicas=2",
      "kubectl rollout status deployment --selector app.kubernetes.io/instance=confab",
      "kubectl create namespace confab-drill",
      "for namespace in confab confab-drill; do",
    ],
  ],
  [
    "docs/how-to/debug.md",
    development,
    [
      "make dev INSPECT=api",
      "make status                  # shows the pid, such as 4711",
      'npx mocha --inspect-brk --timeout 0 services/api/test/messages.test.ts --grep "lists what is accepted"',
    ],
  ],
  [
    "docs/how-to/install-on-kubernetes.md",
    cluster,
    [
      "IMAGE=registry.example.com/chat/confab:0.1.0 make images",
      "kubectl create namespace confab",
      "helm install confab charts/confab --set mysql.enabled=false,canary.enabled=true",
      "helm test confab --logs",
      "URL=http://chat.example.com",
      "kubectl create secret tls chat-tls --cert=chat.crt --key=chat.key",
    ],
  ],
  [
    "docs/how-to/remove.md",
    cluster,
    [
      "helm uninstall confab --wait",
      "kubectl get pvc,secret --selector app.kubernetes.io/instance=confab",
      "kubectl scale deployment/confab-ingest --replicas=0",
      "kubectl delete pvc,secret --selector app.kubernetes.io/instance=confab",
    ],
  ],
  [
    "docs/how-to/rotate-secrets.md",
    pasted,
    [
      "kubectl rollout restart deployment --selector app.kubernetes.io/instance=confab",
      "NEW=$(openssl rand -hex 24)",
      'kubectl patch secret chat-mysql --patch \'{"stringData": {"password": "new"}}\'',
      "NEW=$(openssl rand -hex 16)",
      "NEW=$(openssl rand -hex 16)",
      "NEW=$(openssl rand -hex 16)",
    ],
  ],
  [
    "docs/how-to/run-confabctl-in-a-cluster.md",
    cluster,
    [
      "kubectl exec deployment/confab-api -- confabctl migrate --status",
      "kubectl exec deployment/confab-api -- confabctl app list",
      "export ADMIN_API_KEY=$(kubectl get secret confab-admin -o 'go-template={{index .data \"admin-api-key\" | base64decode}}')",
      "kubectl port-forward service/confab-api 8082:80 &",
    ],
  ],
  [
    "docs/how-to/run-in-production.md",
    cluster,
    [
      'TOKEN=$(kubectl exec deployment/confab-api -- confabctl --json app create canary | sed -n \'s/.*"token": *"\\([^"]*\\).*/\\1/p\')',
      "kubectl get jobs --selector app.kubernetes.io/component=canary",
    ],
  ],
  [
    "docs/how-to/run-stores-with-operators.md",
    cluster,
    ["kubectl exec --namespace stores -it chat-mysql-0 -c mysql -- mysql --user=root --password"],
  ],
  [
    "docs/how-to/run-the-fault-suite.md",
    development,
    [
      "make faults                              # every fault once: about 15 minutes",
      "make faults VERIFY=1",
      "make faults-foreign",
    ],
  ],
  [
    "docs/how-to/run-with-docker-compose.md",
    docker,
    [
      "docker compose up --build --wait",
      "docker compose exec api confabctl --url http://api:8082 --ingest-url http://ingest:8081 verify --quick   # does it work?",
      "CONFAB_PORT=9000",
      "docker compose --profile monitoring up --build --wait",
    ],
  ],
  [
    "docs/how-to/scale.md",
    cluster,
    [
      "kubectl get scaledobject,hpa",
      "redis-cli --cluster add-node NEW_HOST:6379 ANY_HOST:6379",
      'kubectl exec statefulset/confab-mysql -- sh -c \'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysql --user=root \\',
    ],
  ],
  [
    "docs/how-to/test-on-a-cluster.md",
    development,
    [
      "export KUBECONFIG=~/.kube/config",
      'mkdir -p /tmp/earlier && git archive "$EARLIER" | tar -x -C /tmp/earlier',
      "npx mocha --no-config --node-option conditions=@confab/source --timeout 1800000 \\",
    ],
  ],
  [
    "docs/how-to/upgrade.md",
    pasted,
    [
      "helm upgrade confab charts/confab --values values.yaml --wait --wait-for-jobs --timeout 15m",
      "kubectl get pods",
      "helm history confab",
      "helm history confab",
      "kubectl run migrate --rm -i --restart=Never --image=registry.example.com/chat/confab:0.1.0 \\",
    ],
  ],
  [
    "docs/how-to/use-external-stores.md",
    cluster,
    [
      "kubectl create secret generic chat-mysql --from-literal=password='…'",
      "curl -u elastic https://es-0.example.com:9200/_security/api_key -H 'Content-Type: application/json' \\",
      "helm install confab charts/confab --values values.yaml --dry-run=server >/dev/null && echo fine",
      "kubectl exec deployment/confab-api -- confabctl config check --stores api",
    ],
  ],
  ["docs/how-to/verify-an-installation.md", verify, ["confabctl verify --url https://chat.example.com"]],
  ["docs/runbooks/ConfabBackupFailing.md", cluster, ["kubectl get cronjob confab-backup"]],
  [
    "docs/runbooks/ConfabDiskFillingUp.md",
    cluster,
    ['kubectl patch pvc data-confab-redis-0 --patch \'{"spec": {"resources": {"requests": {"storage": "8Gi"}}}}\''],
  ],
  [
    "docs/runbooks/ConfabStoreUnreachable.md",
    cluster,
    ["kubectl get statefulset,pod --selector app.kubernetes.io/component=redis"],
  ],
  [
    "docs/tutorials/kubernetes.md",
    cluster,
    [
      "make cluster",
      "make deploy",
      "kubectl config set-context --current --namespace confab",
      "URL=http://localhost:8088",
      "curl -X POST $URL/applications/$TOKEN/chats",
      "ID=tutorial-$(date +%s)",
      "kubectl delete pod confab-mysql-0 --wait=false",
      "export ADMIN_API_KEY=$KEY CONFAB_URL=$URL",
      "helm uninstall confab      # Tilt installs its own, with passwords for development",
      "make cluster-down      # removes the cluster and all data in it",
    ],
  ],
];
