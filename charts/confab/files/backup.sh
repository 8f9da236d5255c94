#!/bin/sh
# Dumps the database into $DUMPS, verifies the dump by restoring it into a temporary server, and removes old dumps.
# Works with the programs of MySQL and of MariaDB.
set -eu
DUMPS=${DUMPS:-/dumps} TEMPORARY=${TEMPORARY:-/temporary}
# Packages of MariaDB also have mysqldump, as another name of mariadb-dump.
programs=MySQL
if command -v mariadb-dump >/dev/null; then programs=MariaDB; fi
if [ $programs = MySQL ]; then dump=mysqldump client=mysql server=mysqld; else dump=mariadb-dump client=mariadb server=mariadbd; fi

umask 077
partial=$DUMPS/partial.sql.gz
options=$TEMPORARY/client.cnf
failed=$TEMPORARY/failed
pid=
clean() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; fi
  rm -f "$partial" "$options"
}
trap clean EXIT
escape() { printf %s "$1" | sed 's/[\\"]/\\&/g'; }
{
  printf '[client]\nhost="%s"\nport=%s\nuser="%s"\npassword="%s"\n' \
    "$DATABASE_HOST" "$DATABASE_PORT" "$(escape "$DATABASE_USERNAME")" "$(escape "$DATABASE_PASSWORD")"
  if [ -n "${DATABASE_CA:-}" ]; then
    printf 'ssl-ca=%s\n' "$DATABASE_CA"
    if [ $programs = MySQL ]; then echo ssl-mode=VERIFY_IDENTITY; else echo ssl-verify-server-cert; fi
  elif [ "${DATABASE_TLS:-off}" = on ]; then
    if [ $programs = MySQL ]; then echo ssl-mode=REQUIRED; else echo ssl; fi
  fi
} >"$options"

# A consistent dump without locks. GTIDs and masking policies belong to the server, not to the data.
known=$($dump --no-defaults --help)
more=
for option in --set-gtid-purged=OFF --skip-masking-policies; do
  case $known in *"${option%=*}"*) more="$more $option" ;; esac
done
echo "dumping $DATABASE_NAME of $DATABASE_HOST"
rm -f "$failed"
# A pipe has the exit status of its right side only.
# shellcheck disable=SC2086 -- several options
{
  $dump --defaults-extra-file="$options" --single-transaction --no-tablespaces --hex-blob $more \
    --default-character-set=utf8mb4 "$DATABASE_NAME" || echo $? >"$failed"
} | gzip >"$partial"
if [ -e "$failed" ]; then
  echo "The dump failed: $dump ended with status $(cat "$failed")." >&2
  exit 1
fi
gzip --test "$partial"
gzip -dc "$partial" | tail -n 1 | grep -q '^-- Dump completed' || { echo "The dump is incomplete." >&2; exit 1; }

if [ "${VERIFY:-on}" = on ]; then
  echo "verifying the dump: restoring it into a temporary $server"
  data=$TEMPORARY/data socket=$TEMPORARY/server.sock
  rm -rf "$data" && mkdir "$data"
  if [ $programs = MySQL ]; then
    $server --no-defaults --initialize-insecure --datadir="$data"
  else
    mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal >/dev/null
  fi
  own="--datadir=$data --socket=$socket --pid-file=$TEMPORARY/server.pid --skip-networking --skip-log-bin"
  if [ $programs = MySQL ]; then own="$own --mysqlx=OFF"; fi
  # shellcheck disable=SC2086 -- several options
  $server --no-defaults $own --innodb-flush-log-at-trx-commit=0 --max-allowed-packet=64M >"$TEMPORARY/server.log" 2>&1 &
  pid=$!
  ask() { $client --no-defaults --socket="$socket" --user=root --default-character-set=utf8mb4 --batch --skip-column-names "$@"; }
  attempt=0
  until ask --execute 'SELECT 1' >/dev/null 2>&1; do
    attempt=$((attempt + 1))
    if [ $attempt -ge 120 ] || ! kill -0 $pid 2>/dev/null; then
      cat "$TEMPORARY/server.log" >&2
      echo "The temporary server did not start, so the dump is not verified." >&2
      exit 1
    fi
    sleep 1
  done
  ask --execute 'CREATE DATABASE restored'
  gzip -dc "$partial" | ask restored
  # Every table can be read, and there is at least the record of the migrations.
  for table in $(ask restored --execute 'SHOW TABLES'); do
    rows=$(ask restored --execute "SELECT COUNT(*) FROM \`$table\`")
    echo "restored $table: $rows rows"
  done
  ask restored --execute 'SELECT 1 FROM _prisma_migrations LIMIT 1' | grep -q 1 || {
    echo "The restored database has no tables of Confab." >&2
    exit 1
  }
  kill $pid
  wait $pid || true
  pid=
fi

name=$DUMPS/$DATABASE_NAME-$(date -u +%Y-%m-%dT%H%M%SZ).sql.gz
mv "$partial" "$name"
(cd "$DUMPS" && sha256sum "$(basename "$name")" >"$(basename "$name").sha256")
echo "kept $name: $(wc -c <"$name") bytes"

# Names sort by time.
find "$DUMPS" -name "$DATABASE_NAME-*.sql.gz" | sort -r | tail -n +$((KEEP + 1)) | while read -r old; do
  rm -f "$old" "$old.sha256"
  echo "removed $old"
done
